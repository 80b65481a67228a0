"""Timers of new profiles set together are those set one by one."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from models.config.durations import DAY
from models.goals.calendar import NEVER
from models.goals.clock import Clock
from models.goals.compiled import Compiled
from models.goals.tickets import TicketBook
from models.partition import Partition
from models.timers import MANY, Newcomers, schedule_silence
from tests.support.factories import START, config, goal

CONFIGURED = st.sampled_from(
    [
        {"scores": {"refresh": "3d"}, "profiles": {"expire_after": "40d"}},
        {"scores": {"refresh": "3d"}, "profiles": {"expire_after": None}},
        {"scores": {"refresh": None}, "profiles": {"expire_after": "1d"}},
        {"scores": {"refresh": None}, "profiles": {"expire_after": None}},
    ]
)
#: When the silence of each began, and how long it is by now.
SILENCES = st.lists(
    st.tuples(st.integers(START, START + 90 * DAY), st.integers(0, 30 * DAY)), max_size=2 * MANY
)


def timers(partition: Partition) -> Any:
    return [list(one.pop(NEVER)) for one in (partition.refreshes, partition.departures)]


@given(CONFIGURED, SILENCES)
def test_newcomers_get_their_timers_together_as_one_by_one(configured: Any, silences: Any) -> None:
    compiled = Compiled(config({"weekly": goal()}, **configured))
    together, one_by_one = (Partition(0, {}, TicketBook(), Clock(0, DAY)) for _ in range(2))
    newcomers = Newcomers(compiled, together)
    for number, (last, silence) in enumerate(silences):
        newcomers.add(b"p%d" % number, last, last + silence)
        schedule_silence(compiled, one_by_one, b"p%d" % number, last, last + silence)
    assert newcomers.soonest == one_by_one.departures.soonest
    newcomers.settle()
    assert newcomers.soonest == NEVER
    assert timers(together) == timers(one_by_one)
    newcomers.settle()
    assert timers(together) == [[], []]
