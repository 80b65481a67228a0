"""A worker that starts recovers its tables from changelogs, whole runs at a time."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.partitioner import DefaultPartitioner
from faust.types import TP

from models.config.durations import DAY
from models.config.loader import load_config
from models.partition import CLOCK_KEY
from streams.checkpoint import Checkpoint, Ordered, Output, Transactional
from streams.security import client_options
from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.factories import START, Bench, event, records

CONFIG = """\
time: {allowed_lateness: 0s}
goals:
  churn:
    propensity: churn
    outcome: {will_not: {where: {field: type, equals: basket}}, within: 1d}
    tickets: {every: 1d, share: 0.1}
"""
PROFILES = 1_500
Rows = dict[int, dict[bytes, bytes | None]]


def states() -> dict[bytes, bytes | None]:
    """Packed profiles, as an engine leaves them."""
    bench = Bench(load_config(CONFIG, "goals.yaml"))
    bench.run(records(event(f"p{number}", START + number) for number in range(PROFILES)))
    return {key: value for key, value in bench.partition.profiles.items() if key != CLOCK_KEY}


def partitioned(rows: dict[bytes, bytes | None], count: int) -> Rows:
    numbers = list(range(count))
    found: Rows = defaultdict(dict)
    for key, value in rows.items():
        found[DefaultPartitioner()(key, numbers, numbers)][key] = value
    return found


def checkpoint_of(cluster: Cluster) -> Checkpoint:
    settings, sources = cluster.settings, cluster.topics.sources
    options = client_options(settings)
    if settings.guarantee == "exactly_once":
        return Transactional(settings.prefix, sources, options, 30.0)
    return Ordered(settings.prefix, sources, options)


async def write(cluster: Cluster, changes: list[dict[bytes, bytes | None]]) -> None:
    """Write changelogs as a worker does; with transactions, at their end one that is aborted."""
    checkpoint, count = checkpoint_of(cluster), cluster.settings.partitions
    sources = [TP(cluster.topics.events, number) for number in range(count)]
    await checkpoint.own(set(sources))
    try:
        for change in changes:
            for number, rows in partitioned(change, count).items():
                output = Output(cluster.topics.profiles, number,
                                list(rows.items()))  # fmt: skip
                await checkpoint.commit(sources[number], None, [[output]])
        if checkpoint.transactional:
            await abort(checkpoint, sources, cluster.topics.profiles)
    finally:
        await checkpoint.stop()


async def abort(checkpoint: Checkpoint, sources: list[TP], topic: str) -> None:
    for source in sources:
        rows = [(b"p0", b"never"), (b"p1", os.urandom(2_000_000))]
        with pytest.raises(MessageSizeTooLargeError):
            await checkpoint.commit(source, None, [[Output(topic, source.partition, [row])
                                                    for row in rows]])  # fmt: skip


def handled(worker: Worker) -> float:
    """Events that a worker has seen, whether a recovered state had seen them before or not."""
    metrics = worker.metrics()
    return sum(value for name, value in metrics.items() if name.startswith("penchant_events_total"))


def recovered(cluster: Cluster) -> tuple[dict[int, float], dict[int, int]]:
    """Rows that a worker's partitions hold, and rows that were left in their changelogs."""
    rows, count = states(), cluster.settings.partitions
    assert len(rows) == PROFILES
    stale: dict[bytes, bytes | None] = dict.fromkeys(rows, b"stale")
    deleted: dict[bytes, bytes | None] = dict.fromkeys(sorted(rows)[::3])
    asyncio.run(write(cluster, [stale, rows, deleted]))
    expected = {number: sum(key not in deleted for key in held)
                for number, held in partitioned(rows, count).items()}  # fmt: skip
    worker = cluster.worker(CONFIG).start().wait_ready()
    kept = [key for key in sorted(rows) if key not in deleted]
    opening = [event(key.decode(), START + 2 * DAY) for key in kept[: 20 * count]]
    cluster.send(keyed(opening))
    until(lambda: handled(worker) == len(opening), "a run of every partition", 60)
    metrics = worker.metrics()
    assert worker.stop() == 0
    return {number: metrics[f"penchant_profiles/{number}"] for number in expected}, expected


@pytest.mark.embedded
def test_a_changelog_is_recovered_to_its_last_rows(embedded: Cluster) -> None:
    held, left = recovered(embedded)
    assert held == left


@pytest.mark.kafka
def test_a_changelog_that_ends_in_transaction_markers_is_recovered_without_what_was_aborted(
    kafka: Cluster,
) -> None:
    held, left = recovered(kafka)
    assert held == left
