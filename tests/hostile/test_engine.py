"""Whatever comes, every record is applied or refused with a code, and the next one is not hurt."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.config.durations import DAY
from models.events.parsing import REASONS
from models.goals.examples import decode_example, encode_example
from models.goals.tickets import unpack_ticket
from models.learning.snapshot import Snapshot
from models.partition import NOT_PROFILES
from models.profiles.codec import pack, unpack
from models.step import PlainRecord, Step
from tests.hostile.records import hostile_logs, hostile_records
from tests.models.test_engine_runs import examples, tables
from tests.support.factories import (
    BASKET,
    START,
    Bench,
    config,
    event,
    goal,
    habits,
    record,
    records,
    trained,
)

#: What one record may become on its way out, at most: well below what a broker takes.
LARGEST = 900_000
OUTCOMES = ("applied", "refused", "duplicates", "replayed", "erased", "excluded")


@pytest.fixture(scope="module")
def questions() -> Any:
    big = {"field": "properties.amount", "at_least": 50}
    return config(
        {
            "churn": goal(eligible={"where": BASKET, "in_last": "3d"}),
            "any": goal(
                propensity="conversion",
                outcome={"will": {"event": "big"}, "within": "2d"},
                tickets={"every": "6h"},
            ),
        },
        named={"big": {"where": big}, "odd": {"where": {"field": "type", "matches": "(x+x+)+y"}}},
        events={"value": "properties.amount"},
        attributes={"plan": "properties.plan", "age": "properties.age", "b": "properties.items.b"},
    )


@pytest.fixture(scope="module")
def snapshots(questions: Any) -> list[Snapshot]:
    steps = Bench(questions).run(records(habits(profiles=40, days=30)))
    return [trained(questions, name, steps).snapshot() for name in questions.goals]


def bench_of(questions: Any, snapshots: list[Snapshot]) -> Bench:
    bench = Bench(questions)
    for snapshot in snapshots:
        assert bench.engine.adopt(snapshot)
    return bench


def every_record_came_to_something(steps: list[Step], number: int) -> None:
    assert sum(step.counts[outcome] for step in steps for outcome in OUTCOMES) == number
    for refusal in (refusal for step in steps for refusal in step.refused):
        assert refusal.reason in REASONS
        assert 0 < len(refusal.message) < 300


def everything_written_can_be_read_again(bench: Bench) -> None:
    for key, value in bench.partition.profiles.items():
        assert key in NOT_PROFILES or pack(unpack(value)) == value
        assert len(value) < LARGEST
    for _, tickets in bench.partition.tickets:
        for ticket in tickets:
            unpack_ticket(ticket)
            assert len(ticket) < LARGEST


def everything_sent_can_be_read_and_fits(steps: list[Step]) -> None:
    for step in steps:
        for _, score in step.scores:
            assert score is None or (orjson.loads(score) and len(score) < LARGEST)
        for example in step.examples:
            encoded = encode_example(example)
            assert len(encoded) < LARGEST
            assert decode_example(encoded).ticket_id == example.ticket_id


@given(hostile_logs(), st.sampled_from([1, 3, 100]))
@settings(max_examples=150, deadline=None)
def test_every_record_is_applied_or_refused_and_the_next_one_is_not_hurt(
    questions: Any, snapshots: list[Snapshot], log: list[PlainRecord], size: int
) -> None:
    bench = bench_of(questions, snapshots)
    steps = bench.run(log, size)
    every_record_came_to_something(steps, len(log))
    everything_written_can_be_read_again(bench)
    everything_sent_can_be_read_and_fits(steps)
    after = bench.step([record(event("new", START + DAY), len(log))])
    assert after.counts["applied"] == 1


@given(hostile_logs(), st.sampled_from([1, 2, 5]))
@settings(max_examples=100, deadline=None)
def test_hostile_logs_give_the_same_however_they_are_cut(
    questions: Any, log: list[PlainRecord], size: int
) -> None:
    whole, cut = Bench(questions), Bench(questions)
    one, other = whole.run(log), cut.run(log, size)
    assert tables(whole.partition) == tables(cut.partition)
    assert examples(one) == examples(other)


@given(hostile_logs(), st.data())
@settings(max_examples=100, deadline=None)
def test_a_worker_that_comes_back_in_a_hostile_log_goes_on_as_if_nothing_had_happened(
    questions: Any, log: list[PlainRecord], data: Any
) -> None:
    at = data.draw(st.integers(0, len(log)))
    through, broken = Bench(questions), Bench(questions)
    whole = examples(through.run(log))
    before = broken.run(log[:at])
    broken.partition = broken.open(broken.partition)
    assert examples([*before, *broken.run(log[at:])]) == whole
    assert tables(broken.partition) == tables(through.partition)


def test_ten_thousand_hostile_records_between_good_ones_leave_the_good_ones_as_they_are(
    questions: Any, snapshots: list[Snapshot]
) -> None:
    bench, alone = bench_of(questions, snapshots), Bench(questions)
    hostile = hostile_records(seed=1)
    log: list[PlainRecord] = []
    for number in range(10_000):
        log.append(next(hostile)._replace(offset=len(log)))
        if number % 100 == 50:
            good = event(f"good{number % 7}", START + number * 60_000, properties={"amount": 7})
            log.append(record(good, len(log)))
            alone.step([log[-1]])
    steps = bench.run(log, 250)
    every_record_came_to_something(steps, len(log))
    everything_written_can_be_read_again(bench)
    everything_sent_can_be_read_and_fits(steps)
    for name in (f"good{number}".encode() for number in range(7)):
        held, expected = (
            unpack(bench.partition.profiles[name]),
            unpack(alone.partition.profiles[name]),
        )
        assert (held.rows, held.sources, held.days) == (
            expected.rows,
            expected.sources,
            expected.days,
        )
