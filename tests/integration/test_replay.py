"""Replay equals live: Kafka and a file give the same tickets, labels, states and models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from models.config.loader import load_config
from models.goals.examples import Example, decode_example, encode_example
from models.goals.tickets import id_of, pack_ticket, split_key, unpack_ticket
from models.learning.snapshot import read_snapshot
from models.learning.state import dump_trainer, join_state
from models.learning.trainer import Trainer, trainers_of
from models.partition import CLOCK_KEY
from models.profiles.codec import owed_to_events
from streams.agents.train import state_name
from streams.offline.backtest import Backtest
from streams.offline.layout import PLAIN
from streams.offline.ordered import records_of
from streams.offline.survey import survey
from streams.settings import Settings
from tests.integration.test_embedded import handled
from tests.support.cluster import Cluster, keyed, until
from tests.support.factories import START, Bench, habits, records

pytestmark = pytest.mark.embedded

CHURN = """\
events: {value: properties.amount}
attributes: {plan: properties.plan}
time: {allowed_lateness: 0s, idle_after: 1h}
goals:
  churn:
    propensity: churn
    outcome: {will_not: {where: {field: type, equals: basket}}, within: 1d}
    tickets: {every: 8h}
"""
BOTH = CHURN + """\
  coupon:
    propensity: conversion
    outcome: {will: {where: {field: type, equals: coupon}}, within: 2d}
    tickets: {every: 1d}
"""  # fmt: skip
QUESTIONS = load_config(BOTH, "goals.yaml")


@pytest.fixture(scope="module")
def log() -> list[dict[str, Any]]:
    return habits(profiles=40, days=20, start=START)


@pytest.fixture
def cluster(embedded: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    """Topics of one partition: there, the order of all events is that of the file."""
    settings = embedded.settings.model_copy(
        update={"prefix": f"{embedded.settings.prefix}-one", "partitions": 1}
    )
    cluster = Cluster(settings, tmp_path).create_topics()
    yield cluster
    cluster.stop()


def examples_of(cluster: Cluster) -> dict[str, list[Example]]:
    """The examples topic by goal, in its order."""
    found: dict[str, list[Example]] = {}
    for record in cluster.read(cluster.topics.examples):
        example = decode_example(record.value or b"")
        found.setdefault(example.goal, []).append(example)
    return found


def plain(example: Example) -> bytes:
    """An example without what it owes to models."""
    return encode_example(example._replace(probability=None, model_version=0))


def lived_through(log: list[dict[str, Any]]) -> tuple[Bench, dict[str, list[Example]]]:
    """The same events without Kafka, in runs of another size."""
    bench, found = Bench(QUESTIONS), dict[str, list[Example]]()
    for step in bench.run(records(log), size=113):
        for example in step.examples:
            found.setdefault(example.goal, []).append(example)
    return bench, found


def table(cluster: Cluster, topic: str) -> dict[bytes, bytes]:
    """The rows of a table, from its changelog."""
    rows: dict[bytes, bytes | None] = {}
    for record in cluster.read(topic):
        rows[record.key] = record.value
    return {key: value for key, value in rows.items() if value}


def learned(cluster: Cluster, examples: dict[str, list[Example]]) -> bool:
    latest = {one.key.decode(): one.value for one in cluster.read(cluster.topics.models)}
    versions = {goal: read_snapshot(value).version for goal, value in latest.items()}
    return versions == {goal: len(found) for goal, found in examples.items()}


def test_kafka_and_a_file_give_the_same(
    cluster: Cluster, log: list[dict[str, Any]], tmp_path: Path
) -> None:
    worker = cluster.worker(BOTH).start().wait_ready()
    cluster.send(keyed(log))
    until(lambda: handled(worker) >= len(log), "all events to be handled")
    bench, expected = lived_through(log)
    until(lambda: learned(cluster, expected), "all examples to be learned")
    found = examples_of(cluster)
    backtest = through_a_file(log, tmp_path)

    examples_are_byte_equal(found, expected)
    states_are_byte_equal(cluster, backtest)
    open_tickets_are_byte_equal(cluster, backtest)
    models_are_bit_equal(cluster, found, backtest)
    assert bench.partition.clock.now == backtest.partition.clock.now


def through_a_file(log: list[dict[str, Any]], folder: Path) -> Backtest:
    path = folder / "events.jsonl"
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in log))
    backtest = Backtest(QUESTIONS, folder / "backtest")
    backtest.run(records_of(str(path), PLAIN, survey(str(path)), 0), 50, lambda _: None)
    backtest.finish()
    return backtest


def examples_are_byte_equal(
    found: dict[str, list[Example]], expected: dict[str, list[Example]]
) -> None:
    assert found.keys() == expected.keys()
    for goal, examples in expected.items():
        assert len(examples) > 500
        assert [plain(one) for one in found[goal]] == [plain(one) for one in examples]


def states_are_byte_equal(cluster: Cluster, backtest: Backtest) -> None:
    live, offline = table(cluster, cluster.topics.profiles), backtest.partition.profiles
    assert live.keys() == offline.keys()
    assert live.pop(CLOCK_KEY) == offline[CLOCK_KEY]
    for key, state in live.items():
        assert owed_to_events(state) == owed_to_events(offline[key])


def open_tickets_are_byte_equal(cluster: Cluster, backtest: Backtest) -> None:
    live = {
        split_key(key): bare(value) for key, value in table(cluster, cluster.topics.tickets).items()
    }
    offline = {
        (key, *id_of(ticket)): bare(ticket)
        for key, tickets in backtest.partition.tickets
        for ticket in tickets
    }
    assert len(live) > 40
    assert live == offline


def bare(ticket: bytes) -> bytes:
    """A ticket without what it owes to models."""
    return pack_ticket(unpack_ticket(ticket)._replace(probability=None, model_version=0))


def models_are_bit_equal(
    cluster: Cluster, found: dict[str, list[Example]], backtest: Backtest
) -> None:
    rows = table(cluster, cluster.topics.trainers)
    for name, examples in found.items():
        again: Trainer = trainers_of(QUESTIONS)[name]
        again.learn(examples)
        assert join_state(state_name(again), rows) == dump_trainer(again)
        offline, live = backtest.goals[name].trainer.snapshot(), again.snapshot()
        for part in ("blocks", "mean", "deviation", "weights", "centre", "base_rate", "version"):
            assert getattr(offline, part) == getattr(live, part), part


def test_a_new_goal_learns_from_history_and_goes_on_without_a_seam(
    cluster: Cluster, log: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Another prefix over the same events: read from the beginning, then live."""
    half = len(log) // 2
    first = cluster.worker(CHURN).start().wait_ready()
    cluster.send(keyed(log[:half]))
    until(lambda: handled(first) >= half, "the history to be handled")
    new = Cluster(
        Settings(
            **cluster.settings.model_dump(exclude={"prefix", "events_topic"}),
            prefix=f"{cluster.settings.prefix}-new", events_topic=cluster.topics.events,
        ), tmp_path / "new",
    )  # fmt: skip
    new.folder.mkdir()
    try:
        second = new.create_topics().worker(BOTH, events_topic=cluster.topics.events)
        second.start().wait_ready()
        until(lambda: handled(second) >= half, "the new worker to catch up")
        _, history = lived_through(log[:half])
        until(lambda: learned(new, history), "the history to be learned")
        cluster.send(keyed(log[half:]), pause=0.005)
        until(lambda: handled(second) >= len(log), "the new worker to go on")
        until(lambda: handled(first) >= len(log), "the old worker to go on beside it")
        _, expected = lived_through(log)
        until(lambda: learned(new, expected), "all examples to be learned")
        examples_are_byte_equal(examples_of(new), expected)
        assert "coupon" not in examples_of(cluster)
        scored = {record.key.partition(b"/")[0] for record in new.read(new.topics.scores)}
        assert scored == {b"churn", b"coupon"}
    finally:
        new.stop()
