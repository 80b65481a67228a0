"""The clock of a partition: event time that one lying timestamp cannot move."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import StateError
from models.goals.clock import Clock

DAY = 86_400_000


def clock(lateness: int = 0, seen: int = 1_000) -> Clock:
    """A clock that two profiles have set to a time."""
    one = Clock(lateness, DAY)
    one.observe(seen, profile=1)
    one.observe(seen, profile=2)
    return one


def test_it_shows_the_greatest_event_time_minus_the_lateness() -> None:
    one = clock(lateness=300)
    assert one.observe(5_000, 3) == 4_700
    assert one.observe(4_000, 3) == 4_700


def test_a_single_event_far_ahead_moves_nothing() -> None:
    one = clock()
    assert one.observe(400 * DAY, 3) == 1_000
    assert one.observe(401 * DAY, 3) == 1_000


def test_a_second_profiles_event_confirms_a_jump() -> None:
    one = clock()
    one.observe(40 * DAY, 3)
    assert one.observe(40 * DAY + 5, 4) == 40 * DAY + 5


def test_two_claims_far_apart_are_believed_as_far_as_the_nearer() -> None:
    one = clock()
    one.observe(400 * DAY, 3)
    assert one.observe(40 * DAY, 4) == 40 * DAY


def test_an_ordinary_advance_proves_a_jump_a_lie() -> None:
    one = clock()
    one.observe(400 * DAY, 3)
    one.observe(2_000, 4)
    assert one.observe(401 * DAY, 5) == 2_000


def test_a_partition_with_one_profile_takes_its_word() -> None:
    one = Clock(0, DAY)
    one.observe(1_000, 1)
    assert one.observe(40 * DAY, 1) == 40 * DAY


def test_it_runs_on_with_the_wall_while_idle_and_never_goes_back() -> None:
    one = clock()
    assert one.idle(500) == 1_500
    assert one.observe(1_200, 3) == 1_500
    assert one.observe(1_600, 3) == 1_600


def test_it_does_not_run_before_the_first_event() -> None:
    assert Clock(0, DAY).idle(500) == -1


OBSERVED = st.lists(st.tuples(st.integers(0, 5 * DAY), st.integers(1, 3)), max_size=40)


@given(OBSERVED)
def test_it_is_monotone_and_never_ahead_of_all_events(observed: Any) -> None:
    one, shown = Clock(10, DAY), [-1]
    for at, profile in observed:
        shown.append(one.observe(at, profile))
    assert shown == sorted(shown)
    assert shown[-1] <= max((at for at, _ in observed), default=0)


@given(OBSERVED, st.integers(0, 40))
def test_a_packed_clock_goes_on_where_it_was(observed: Any, cut: int) -> None:
    whole, first, second = Clock(10, DAY), Clock(10, DAY), Clock(10, DAY)
    for at, profile in observed:
        whole.observe(at, profile)
    for at, profile in observed[:cut]:
        first.observe(at, profile)
    second.unpack(first.pack())
    for at, profile in observed[cut:]:
        second.observe(at, profile)
    assert second.pack() == whole.pack()


@pytest.mark.parametrize("packed", [b"", b"\x09" + clock().pack()[1:], clock().pack()[:-1]])
def test_a_state_of_another_version_or_a_damaged_one_is_refused(packed: bytes) -> None:
    with pytest.raises(StateError):
        Clock(0, DAY).unpack(packed)
