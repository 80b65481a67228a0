"""How records are cut into runs, repeated, or interrupted makes no difference."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple, replace

from models.config.durations import DAY, HOUR, MINUTE, SECOND
from models.engine import Engine
from models.goals.tickets import TicketBook, id_of
from models.partition import CLOCK_KEY, NOT_PROFILES, Partition
from models.profiles.codec import owed_to_events
from models.step import PlainRecord, Step
from tests.models.test_engine_tickets import GOALS, NAMED
from tests.support.factories import START, Bench, config, event, habits, records
from tests.support.left import without_progress_of_others

DISORDER = st.lists(
    st.tuples(
        st.integers(0, 6 * DAY // MINUTE),
        st.sampled_from(["p1", "p2", "p3", "p4"]),
        st.sampled_from(["basket", "coupon", "visit"]),
        st.sampled_from([5.0, 75.0]),
    ),
    min_size=1,
    max_size=40,
)


@pytest.fixture(scope="module")
def questions() -> Any:
    return config(
        GOALS,
        named=NAMED,
        events={"value": "properties.amount"},
        attributes={"plan": "properties.plan"},
        time={"allowed_lateness": "2h", "reversible_for": "1d", "max_jump": "30d"},
    )


def log_of(drawn: Any) -> list[PlainRecord]:
    """Records in the order drawn: their times jump to and fro."""
    return records(
        event(profile, START + minute * MINUTE, kind, properties={"amount": amount, "plan": kind})
        for minute, profile, kind, amount in drawn
    )


def tables(partition: Partition) -> Any:
    """The tables, but for what is owed to models."""
    profiles = {
        key: value if key in NOT_PROFILES else owed_to_events(value)
        for key, value in partition.profiles.items()
    }
    return profiles, {key: sorted(tickets) for key, tickets in partition.tickets}


def examples(steps: list[Step]) -> list[Any]:
    found = [one for step in steps for one in step.examples]
    return [(astuple(replace(one, raw=None)), one.raw.numbers.tobytes()) for one in found]


@given(DISORDER, st.sampled_from([1, 2, 7, 100]))
@settings(max_examples=80, deadline=None)
def test_runs_of_any_size_give_equal_states_tickets_and_examples(
    questions: Any, drawn: Any, size: int
) -> None:
    log, whole, cut = log_of(drawn), Bench(questions), Bench(questions)
    one, other = whole.run(log), cut.run(log, size)
    assert tables(whole.partition) == tables(cut.partition)
    assert examples(one) == examples(other)


@given(DISORDER, st.integers(1, 9), st.booleans())
@settings(max_examples=80, deadline=None)
def test_steps_of_any_room_give_equal_states_tickets_and_examples(
    questions: Any, drawn: Any, most: int, recovers: bool
) -> None:
    log, whole, cut = log_of(drawn), Bench(questions), Bench(questions)
    one, other = whole.run(log), []
    for step in cut.pieces(log, most):
        other.append(step)
        if recovers:
            cut.partition = cut.open(cut.partition)
    assert tables(whole.partition) == tables(cut.partition)
    assert examples(one) == examples(other)


def test_a_month_that_falls_due_at_once_comes_in_steps_that_stay_small(questions: Any) -> None:
    bench, most = Bench(questions), 200
    bench.run(records(event(f"p{n}", START + n) for n in range(50)))
    far = records([event(name, START + 29 * DAY) for name in ("p1", "p2")], first=50)
    steps = list(bench.pieces(far, most))
    moved = [step.counts["opened"] + step.counts["closed_0"] for step in steps]
    assert sum(moved) > 20 * most
    assert max(moved) < 2 * most
    assert [step.taken for step in steps if step.taken] == [len(far)]


@given(DISORDER, st.data())
@settings(max_examples=60, deadline=None)
def test_replaying_any_prefix_twice_equals_once(questions: Any, drawn: Any, data: Any) -> None:
    log = log_of(drawn)
    end = data.draw(st.integers(0, len(log)))
    start = data.draw(st.integers(0, end))
    once, twice = Bench(questions), Bench(questions)
    first = examples(once.run(log))
    second = examples([*twice.run(log[:end]), *twice.run(log[start:end], 3), *twice.run(log[end:])])
    assert tables(once.partition) == tables(twice.partition)
    assert first == second


@given(DISORDER, st.data())
@settings(max_examples=60, deadline=None)
def test_a_partition_recovered_from_its_tables_goes_on_as_if_nothing_had_happened(
    questions: Any, drawn: Any, data: Any
) -> None:
    log = log_of(drawn)
    at = data.draw(st.integers(0, len(log)))
    through, broken = Bench(questions), Bench(questions)
    whole = examples(through.run(log))
    before = broken.run(log[:at])
    broken.partition = broken.open(broken.partition)
    assert examples([*before, *broken.run(log[at:])]) == whole
    assert tables(broken.partition) == tables(through.partition)


@given(DISORDER, st.data())
@settings(max_examples=150, deadline=None)
def test_a_run_of_which_not_all_rows_were_written_is_done_again_to_the_same_end(
    questions: Any, drawn: Any, data: Any
) -> None:
    """In order, a worker may die while tickets or, after them, profiles are written."""
    log = log_of(drawn)
    start = data.draw(st.integers(0, len(log)))
    end = data.draw(st.integers(start, len(log)))
    through, broken = Bench(questions), Bench(questions)
    whole = examples(through.run(log))
    before = broken.run(log[:start])
    cut = broken.engine.step(broken.partition, log[start:end])
    written = data.draw(st.integers(0, len(cut.tickets) + len(cut.profiles)))
    cut.profiles = cut.profiles[: max(0, written - len(cut.tickets))]
    cut.tickets = cut.tickets[:written]
    broken.partition.apply(cut)
    broken.partition = broken.open(broken.partition)
    again = broken.run(log[start:end], 3)
    after = broken.run(log[end:])
    found = examples([*before, cut, *again, *after])
    assert {one[:6] for one in found} == {one[:6] for one in whole}
    assert without_what_is_closed(broken.partition) == without_what_is_closed(through.partition)


def without_what_is_closed(partition: Partition) -> Any:
    """The tables without the progress of closed tickets, which nobody asks for any more."""
    profiles, tickets = tables(partition)
    for key in profiles.keys() - NOT_PROFILES:
        still_open = set(map(id_of, tickets.get(key, [])))
        profiles[key] = without_progress_of_others(profiles[key], still_open)
    return profiles, tickets


def test_runs_of_1_7_100_and_1000_are_byte_equal_on_a_long_log(questions: Any) -> None:
    log = records(habits(profiles=40, days=30))
    assert len(log) > 1000
    found = []
    for size in (1, 7, 100, 1000):
        bench = Bench(questions)
        steps = bench.run(log, size)
        found.append((tables(bench.partition), examples(steps)))
    assert len(found[0][1]) > 500
    assert all(one == found[0] for one in found[1:])


def test_an_engine_that_sends_no_scores_keeps_no_timers_for_them(questions: Any) -> None:
    loud, silent = Engine(questions), Engine(questions, silent=True)
    log = records(habits(profiles=20, days=40))
    held = [engine.open(0, {}, TicketBook()) for engine in (loud, silent)]
    for engine, partition in zip((loud, silent), held, strict=True):
        for at in range(0, len(log), 50):
            partition.apply(engine.step(partition, log[at : at + 50]))
    assert len(held[0].refreshes) >= 20
    assert len(held[1].refreshes) == 0
    assert tables(held[0]) == tables(held[1])


def test_an_event_sent_twice_is_applied_once() -> None:
    bench = Bench(config())
    one = event("p1", START)
    step = bench.step(records([one, one, event("p1", START + HOUR), one]))
    assert step.counts["applied"] == 2
    assert step.counts["duplicates"] == 2


def test_a_repeated_id_is_recognised_among_the_latest_only() -> None:
    bench = Bench(config(limits={"recent_ids": 3}))
    first = event("p1", START)
    later = [event("p1", START + n * HOUR) for n in range(1, 5)]
    step = bench.step(records([first, *later, first]))
    assert step.counts["applied"] == 6


def test_excluded_events_are_dropped_before_anything_sees_them() -> None:
    test_event = {"field": "properties.is_test", "equals": True}
    bench = Bench(config(events={"exclude": test_event}))
    far = event("p1", START + 3 * HOUR, properties={"is_test": True})
    step = bench.step(records([event("p1", START), far]))
    assert step.counts["excluded"] == 1
    assert bench.partition.clock.now == START


def test_erasing_a_profile_deletes_its_state_and_its_tickets_and_withdraws_its_scores() -> None:
    bench = Bench(config({"churn": GOALS["churn"], "power": GOALS["power"]}, named=NAMED))
    log = records([event("p1", START), event("p2", START), event("p2", START + 20 * HOUR)])
    bench.run(log)
    assert bench.partition.tickets.of(b"p1")
    step = bench.step([PlainRecord(b"p1", None, 3)])
    assert (b"p1", None) in step.profiles
    assert bench.partition.tickets.of(b"p1") == []
    assert b"p1" not in bench.partition.profiles
    assert {key for key, value in step.scores if value is None} == {b"churn/p1", b"power/p1"}


def test_events_after_an_erasure_start_a_new_profile() -> None:
    bench = Bench(config())
    old, new = event("p1", START), event("p1", START + HOUR)
    bench.step([*records([old]), PlainRecord(b"p1", None, 1), *records([new], first=2)])
    again = Bench(config())
    again.step(records([new], first=2))
    packed = bench.partition.profiles[b"p1"]
    assert packed == again.partition.profiles[b"p1"]


def test_an_idle_partition_closes_tickets_by_the_wall_second_for_second() -> None:
    bench = Bench(config())
    bench.run(records([event("p1", START), event("p2", START)]))
    assert bench.idle(3 * DAY).examples != []
    assert bench.partition.clock.now == START + 3 * DAY


def test_a_silence_in_which_nothing_falls_due_is_written_once_a_minute() -> None:
    bench = Bench(config(scores={"refresh": None}))
    bench.run(records([event("p1", START)]))
    written = [bool(bench.idle(SECOND).profiles) for _ in range(150)]
    assert bench.partition.clock.now == START + 150 * SECOND
    assert [number for number, wrote in enumerate(written, 1) if wrote] == [60, 120]


def test_whatever_falls_due_in_a_silence_is_written_with_its_moment() -> None:
    bench = Bench(config())
    bench.run(records([event("p1", START)]))
    silences = [bench.idle(MINUTE // 4) for _ in range(3 * DAY // (MINUTE // 4))]
    due = [step for step in silences if step.tickets or step.examples]
    assert due
    assert all(CLOCK_KEY in dict(step.profiles) for step in due)
