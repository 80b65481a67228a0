"""Notes of crashes: they say where, they survive, they go when the place is behind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import StateError
from models.partition import CLOCK_KEY
from models.poison import CRASH_KEY, Crashes, crashes_of, unpack_crashes
from tests.support.factories import Bench, config, event, habits, records


@given(
    poison=st.integers(0, 1_000),
    cuts=st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 1_000)), min_size=1),
)
def test_runs_cut_anew_around_the_same_record_count_as_the_same_place(
    poison: int, cuts: list[tuple[int, int]]
) -> None:
    crashes = Crashes(poison, poison, 0)
    known = None
    for before, after in cuts:
        run = (poison - before, poison + after)
        known = Crashes(*run, 1) if known is None else known.again(*run)
    assert known is not None
    assert known.number == len(cuts)
    assert known.first <= poison <= known.last
    assert crashes.again(poison, poison).number == 1


def test_a_crash_elsewhere_is_counted_anew() -> None:
    assert Crashes(10, 20, 7).again(21, 30) == Crashes(21, 30, 1)
    assert Crashes(10, 20, 7).again(0, 9) == Crashes(0, 9, 1)


@pytest.mark.parametrize("packed", [b"", b"\x02" + Crashes(1, 2, 3).pack()[1:], b"\x01short"])
def test_a_note_of_another_version_or_damaged_is_not_guessed_at(packed: bytes) -> None:
    with pytest.raises(StateError, match="this program reads 1"):
        unpack_crashes(packed)


def test_a_note_is_no_profile_and_goes_when_its_last_record_has_been_applied() -> None:
    bench = Bench(config())
    bench.run(records(event(f"p{n}") for n in range(5)))
    bench.partition.profiles[CRASH_KEY] = Crashes(5, 7, 2).pack()
    recovered = bench.partition = bench.open(bench.partition)
    assert crashes_of(recovered.profiles) == Crashes(5, 7, 2)
    early = bench.step(records([event("p1"), event("p1")], first=5))
    assert (CRASH_KEY, None) not in early.profiles
    passed = bench.step(records([event("p1")], first=7))
    assert (CRASH_KEY, None) in passed.profiles
    assert crashes_of(recovered.profiles) is None


def test_a_record_that_is_refused_as_poison_gets_past_its_note() -> None:
    bench = Bench(config())
    (poison,) = records([event("p1")], first=7)
    bench.partition.profiles[CRASH_KEY] = Crashes(7, 7, 3).pack()
    step = bench.engine.refuse(bench.partition, poison, "poison", "KeyError")
    assert [(one.record, one.reason, one.message) for one in step.refused] == [
        (poison, "poison", "KeyError")
    ]
    assert [key for key, _ in step.profiles] == [CLOCK_KEY, CRASH_KEY]
    assert step.counts["refused"] == 1


def test_a_rehearsal_says_what_a_step_would_do_and_leaves_no_trace() -> None:
    bench, twin = Bench(config()), Bench(config())
    log = records(habits(profiles=9, days=12))
    half = len(log) // 2
    for one in (bench, twin):
        one.step(log[:half])
    tables = bench.partition.profiles, bench.partition.tickets
    rehearsed = bench.engine.rehearse(0, tables, log[half:])
    taken, expected = bench.step(log[half:]), twin.step(log[half:])
    assert taken.profiles == expected.profiles == rehearsed.profiles
    assert taken.tickets == expected.tickets == rehearsed.tickets
    assert taken.examples
