"""Steps are as large as a moment has room for: never above what is allowed, nor below a run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.pace import RECORD_BYTES, RUN, STEP, TOGETHER, Pace

MOST = 4 * RUN
STEPS = st.lists(st.tuples(st.integers(0, 20_000), st.floats(0, 10)))


def paced(*steps: tuple[int, float], most: int = MOST) -> Pace:
    """After steps of so many records and seconds."""
    pace = Pace(most)
    for records, seconds in steps:
        pace.took(records, seconds)
    return pace


@given(STEPS, st.integers(1, 10_000), st.integers(0, 4096))
def test_it_stays_within_its_limits_whatever_steps_took(
    steps: list[tuple[int, float]], most: int, partitions: int
) -> None:
    assert min(RUN, most) <= paced(*steps, most=most).records(partitions) <= most


def test_steps_grow_twofold_at_most_while_they_are_short() -> None:
    short = (RUN, STEP / 100)
    sizes = [paced(*[short] * steps).records(1) for steps in range(5)]
    assert sizes == [RUN, 2 * RUN, 4 * RUN, 4 * RUN, 4 * RUN]


def test_steps_take_about_a_moment() -> None:
    each = STEP / RUN / 1.5  # seconds that a record takes
    pace = paced()
    for _ in range(10):
        pace.took(pace.records(1), pace.records(1) * each)
    assert pace.records(1) * each == pytest.approx(STEP, rel=0.01)


def test_a_step_that_was_long_makes_the_next_one_short_at_once() -> None:
    short, long = (RUN, STEP / 100), (4 * RUN, 4 * STEP)
    assert paced(short, short, long).records(1) == RUN


def test_of_many_partitions_each_has_less() -> None:
    pace = paced((RUN, 0.0), (RUN, 0.0))
    assert [pace.records(held) for held in (1, TOGETHER // MOST)] == [MOST, MOST]
    assert pace.records(2 * TOGETHER // MOST) == MOST // 2
    assert pace.records(4096) == RUN


def test_as_much_may_wait_as_a_step_has_and_twice_the_least() -> None:
    pace = paced()
    assert (pace.records(1), pace.enough(1)) == (RUN, 2 * RUN)
    pace = paced((RUN, 0.0), (RUN, 0.0))
    assert pace.records(1) == pace.enough(1) == MOST
    assert Pace(1).enough(1) == 2


def run_of(number: int, size: int | None) -> Any:
    record = SimpleNamespace(value=None if size is None else b"x" * size)
    return SimpleNamespace(value=[record] * number)


def test_of_large_records_fewer_are_worked_on_together() -> None:
    weigh = Pace(MOST).weigh
    assert weigh(run_of(100, RECORD_BYTES)) == weigh(run_of(100, None)) == 100
    assert weigh(run_of(100, 10 * RECORD_BYTES)) == 1000


def test_an_idle_while_goes_with_nothing_else() -> None:
    pace = paced((RUN, 0.0), (RUN, 0.0))
    assert pace.weigh(1.5) + 1 > pace.records(1)
