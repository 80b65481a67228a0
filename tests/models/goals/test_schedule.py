"""The moments at which tickets open: inside their periods, spread, fixed beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.goals.schedule import schedule_of
from models.hashing import hash64

HOUR = 3_600_000


@given(st.text(min_size=1), st.integers(0, 10**12), st.integers(60_000, 10**9))
def test_each_period_has_one_moment(profile: str, start: int, every: int) -> None:
    schedule, number = schedule_of("churn", every, 1.0), hash64(profile)
    moments = [schedule.next(number, start)]
    for _ in range(4):
        moments.append(schedule.after(number, moments[-1]))
    of_two_periods = [schedule.moment(number, start // every + period) for period in (0, 1)]
    assert moments[0] == min(moment for moment in of_two_periods if moment >= start)
    assert [moment // every - moments[0] // every for moment in moments] == [0, 1, 2, 3, 4]
    assert all(schedule.next(number, moment) == moment for moment in moments)


def test_moments_are_spread_evenly_over_the_period() -> None:
    schedule = schedule_of("churn", HOUR, 1.0)
    offsets = [schedule.moment(hash64(f"p{n}"), 400_000) % HOUR for n in range(20_000)]
    counts, _ = np.histogram(offsets, bins=20, range=(0, HOUR))
    assert counts.min() > 850
    assert counts.max() < 1_150


def test_moments_of_a_profile_move_from_period_to_period() -> None:
    schedule, number = schedule_of("churn", HOUR, 1.0), hash64("p1")
    offsets = [schedule.moment(number, period) % HOUR for period in range(2_000)]
    counts, _ = np.histogram(offsets, bins=10, range=(0, HOUR))
    assert counts.min() > 140
    assert abs(np.corrcoef(offsets[1:], offsets[:-1])[0, 1]) < 0.1


def test_goals_open_their_tickets_at_different_moments() -> None:
    number = hash64("p1")
    moments = {schedule_of(name, HOUR, 1.0).moment(number, 5) for name in "abcdef"}
    assert len(moments) == 6


def test_a_share_of_the_profiles_takes_part_and_a_greater_share_includes_it() -> None:
    tenth, half = schedule_of("churn", HOUR, 0.1), schedule_of("churn", HOUR, 0.5)
    numbers = [hash64(f"p{n}") for n in range(10_000)]
    assert 900 < sum(map(tenth.includes, numbers)) < 1_100
    assert all(half.includes(number) for number in numbers if tenth.includes(number))


@given(
    st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 10**13))),
    st.integers(60_000, 10**11),
    st.sampled_from([1.0, 0.5, 0.01]),
)
def test_many_profiles_at_once_have_the_moments_of_each(
    drawn: Any, every: int, share: float
) -> None:
    schedule = schedule_of("churn", every, share)
    profiles = np.array([profile for profile, _ in drawn], np.uint64)
    starts = np.array([start for _, start in drawn], np.int64)
    assert schedule.next_ones(profiles, starts).tolist() == [schedule.next(*one) for one in drawn]
    assert schedule.include(profiles).tolist() == [schedule.includes(one) for one, _ in drawn]
