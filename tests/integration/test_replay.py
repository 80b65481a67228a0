"""Replay equals live: Kafka and a file give the same tickets, labels, states and models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from models.config.loader import load_config
from models.goals.examples import Example
from models.learning.trainer import Trainer
from streams.offline.backtest import Backtest
from streams.settings import Settings
from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.factories import START, habits
from tests.support.left import all_learned, examples_of, handled, learned, plain_example, rows
from tests.support.questions import churn, churn_and_coupon
from tests.support.replay import (
    examples_are_byte_equal,
    lived_through,
    open_tickets_are_byte_equal,
    relearned,
    states_are_byte_equal,
    through_a_file,
)

CHURN, BOTH = churn(every="8h"), churn_and_coupon(every="8h")
QUESTIONS = load_config(BOTH, "goals.yaml")
Events = list[dict[str, Any]]


@pytest.fixture(scope="module")
def log() -> Events:
    return habits(profiles=40, days=20, start=START)


@pytest.fixture
def alone(embedded: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    """Topics of one partition: there, the order of all events is that of the file."""
    settings = embedded.settings.model_copy(
        update={"prefix": f"{embedded.settings.prefix}-one", "partitions": 1}
    )
    cluster = Cluster(settings, tmp_path).create_topics()
    yield cluster
    cluster.stop()


def over_the_same_events(cluster: Cluster, folder: Path) -> Cluster:
    """Another prefix: topics, tables and models of its own, over the same events."""
    folder.mkdir()
    settings = cluster.settings.model_dump(exclude={"prefix", "events_topic"})
    prefix = f"{cluster.settings.prefix}-new"
    return Cluster(
        Settings(**settings, prefix=prefix, events_topic=cluster.topics.events), folder
    ).create_topics()


def bootstrapped(cluster: Cluster, new: Cluster, log: Events, workers: int) -> list[Worker]:
    """A goal is added to a running deployment: it reads the history, and then lives on."""
    half = len(log) // 2
    old = cluster.worker(CHURN).start().wait_ready()
    cluster.send(keyed(log[:half]))
    until(lambda: handled(old) >= half, "the history to be handled")
    added = [new.worker(BOTH, events_topic=cluster.topics.events) for _ in range(workers)]
    for worker in added:
        worker.start()
    for worker in added:
        worker.wait_ready()
    until(lambda: handled(*added) >= half, "the new workers to catch up")
    until(lambda: learned(new).get("coupon", 0) > 0, "the new goal to learn from the history")
    cluster.send(keyed(log[half:]), pause=0.002)
    until(lambda: handled(*added) >= len(log), "the new workers to go on")
    until(lambda: handled(old) >= len(log), "the old worker to go on beside them")
    return added


@pytest.mark.embedded
def test_kafka_and_a_file_give_the_same(alone: Cluster, log: Events, tmp_path: Path) -> None:
    worker = alone.worker(BOTH).start().wait_ready()
    alone.send(keyed(log))
    until(lambda: handled(worker) >= len(log), "all events to be handled")
    until(lambda: all_learned(alone), "all examples to be learned")
    bench, expected = lived_through(QUESTIONS, log)
    backtest, found = through_a_file(QUESTIONS, log, tmp_path), examples_of(alone)

    assert all(len(examples) > 500 for examples in expected.values())
    examples_are_byte_equal(found, expected)
    states_are_byte_equal(rows(alone, alone.topics.profiles)[0], backtest)
    open_tickets_are_byte_equal(rows(alone, alone.topics.tickets)[0], backtest)
    models_are_bit_equal(relearned(QUESTIONS, alone, found), backtest)
    assert bench.partition.clock.now == backtest.partition.clock.now


def models_are_bit_equal(trainers: dict[str, Trainer], backtest: Backtest) -> None:
    for name, trainer in trainers.items():
        offline, live = backtest.goals[name].trainer.snapshot(), trainer.snapshot()
        for part in ("blocks", "mean", "deviation", "weights", "centre", "base_rate", "version"):
            assert getattr(offline, part) == getattr(live, part), part


@pytest.mark.embedded
def test_a_new_goal_learns_from_history_and_goes_on_without_a_seam(
    alone: Cluster, log: Events, tmp_path: Path
) -> None:
    new = over_the_same_events(alone, tmp_path / "new")
    try:
        bootstrapped(alone, new, log, workers=1)
        until(lambda: all_learned(new), "all examples to be learned")
        _, expected = lived_through(QUESTIONS, log)
        assert learned(new) == {goal: len(examples) for goal, examples in expected.items()}
        examples_are_byte_equal(examples_of(new), expected)
        both_are_scored_by_the_new_alone(alone, new)
    finally:
        new.stop()


def both_are_scored_by_the_new_alone(old: Cluster, new: Cluster) -> None:
    for cluster, goals in ((old, {"churn"}), (new, {"churn", "coupon"})):
        assert examples_of(cluster).keys() == goals
        scored = {one.key.decode().partition("/")[0] for one in cluster.read(cluster.topics.scores)}
        assert scored == goals


@pytest.mark.kafka
def test_four_partitions_and_two_workers_replay_the_history_and_live_on(
    kafka: Cluster, log: Events, tmp_path: Path
) -> None:
    """One run, looked at from every side: starting three workers takes longer than looking."""
    new = over_the_same_events(kafka, tmp_path / "new")
    try:
        workers = bootstrapped(kafka, new, log, workers=2)
        until(lambda: all_learned(new), "all examples to be learned")
        assert all("partition taken on" in worker.log.read_text() for worker in workers)
        both_are_scored_by_the_new_alone(kafka, new)
        found = examples_of(new)
        relearned(QUESTIONS, new, found)
        every_partition_is_that_of_a_file_with_its_events(new, found, tmp_path)
        labels_are_those_of_one_file_with_all_events(log, found)
    finally:
        new.stop()


def every_partition_is_that_of_a_file_with_its_events(
    cluster: Cluster, found: dict[str, list[Example]], folder: Path
) -> None:
    """Tickets, examples, profiles and clock, byte by byte."""
    profiles = rows(cluster, cluster.topics.profiles)
    tickets = rows(cluster, cluster.topics.tickets)
    source: dict[int, Events] = {}
    for record in cluster.read(cluster.topics.events):
        source.setdefault(record.partition, []).append(orjson.loads(record.value or b""))
    assert len(source) == cluster.settings.partitions == 4
    for number, events in source.items():
        backtest = through_a_file(QUESTIONS, events, folder / str(number))
        states_are_byte_equal(profiles[number], backtest)
        open_tickets_are_byte_equal(tickets[number], backtest)
        _, expected = lived_through(QUESTIONS, events)
        own = {
            goal: [replace(one, partition=0) for one in examples if one.partition == number]
            for goal, examples in found.items()
        }
        examples_are_byte_equal(own, expected)


def labels_are_those_of_one_file_with_all_events(
    log: Events, found: dict[str, list[Example]]
) -> None:
    """Where a partition's clock has not come as far as the others', labels are still to come."""
    _, expected = lived_through(QUESTIONS, log)
    live, offline = by_ticket(found), by_ticket(expected)
    assert live.items() <= offline.items()
    assert len(live) > 0.95 * len(offline)


def by_ticket(examples: dict[str, list[Example]]) -> dict[str, bytes]:
    """Examples without the source record that brought them about."""
    return {
        one.ticket_id: plain_example(replace(one, partition=0, offset=0))
        for found in examples.values()
        for one in found
    }
