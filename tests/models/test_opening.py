"""Timers worked out for a whole partition are those of its profiles and tickets, one by one."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.config.durations import DAY, HOUR
from models.goals.calendar import Calendar, Entry
from models.goals.clock import Clock
from models.goals.compiled import Compiled
from models.goals.tickets import ABANDONED_AFTER, Ticket, TicketBook, pack_ticket
from models.opening import Times, set_timers
from models.partition import Partition
from models.profiles.features import RawProfile
from models.timers import schedule_openings, schedule_silence
from tests.support.factories import START, config, goal

NOW = START + 90 * DAY
COMPILED = Compiled(
    config(
        {
            "weekly": goal(tickets={"every": "7d"}),
            "sampled": goal(tickets={"every": "1h", "share": 0.3}),
            "at_events": goal(tickets={"at": {"field": "type", "equals": "basket"}}),
        },
        scores={"refresh": "3d"},
        profiles={"expire_after": "400d"},
    )
)
PROFILES = st.dictionaries(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=8),
    st.tuples(st.integers(START, NOW + 40 * DAY), st.integers(0, 200 * DAY)),
    max_size=20,
)
TICKETS = st.lists(
    st.tuples(st.integers(0, 19), st.sampled_from([*COMPILED.by_key, 12_345]),
              st.integers(NOW - 60 * DAY, NOW)),
    max_size=30,
)  # fmt: skip
RAW = RawProfile(np.zeros(8, np.float32), (), {})


@given(PROFILES, TICKETS)
def test_all_timers_are_those_of_profile_by_profile(profiles: Any, drawn: Any) -> None:
    lives = {key.encode(): (first, first + life) for key, (first, life) in profiles.items()}
    tickets = TicketBook()
    for place, key, t0 in drawn:
        if place < len(lives):
            tickets.put(list(lives)[place], pack_ticket(Ticket(key, t0, None, 0, RAW)))
    at_once, one_by_one = partition(tickets), partition(tickets)

    times = Times([], array("q"), array("q"))
    for profile, (first, last) in lives.items():
        times.add(profile, first, last)
        start = max(first, NOW)
        schedule_openings(COMPILED, one_by_one, profile, start)
        schedule_silence(COMPILED, one_by_one, profile, last, start)
    set_timers(COMPILED, at_once, times)
    for profile, held in tickets:
        for ticket in held:
            set_for_ticket(one_by_one, profile, ticket)

    assert waiting(at_once) == waiting(one_by_one)


def partition(tickets: TicketBook) -> Partition:
    clock = Clock(0, HOUR)
    clock.observe(NOW, 1)
    assert clock.now == NOW
    return Partition(0, {}, tickets, clock)


def set_for_ticket(held: Partition, profile: bytes, packed: bytes) -> None:
    """The plain statement of what waits for a ticket."""
    key, t0 = int.from_bytes(packed[1:5], "little"), int.from_bytes(packed[5:13], "little")
    if key not in COMPILED.by_key:
        held.expiries.add(t0 + ABANDONED_AFTER, profile, key)
        return
    due = t0 + COMPILED.by_key[key].window
    if due >= NOW:
        held.closings.add(due, profile, key)
    else:
        held.expiries.add(due + COMPILED.config.time.reversible_for, profile, key)


def waiting(held: Partition) -> list[tuple[int, list[Entry]]]:
    """When each calendar wakes, and all that waits in it."""
    calendars: list[Calendar] = [
        held.openings, held.closings, held.expiries, held.refreshes, held.departures,
    ]  # fmt: skip
    return [(one.soonest, list(one.pop(NOW + 10_000 * DAY))) for one in calendars]
