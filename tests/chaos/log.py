"""What is in the topics, read once and kept small."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from tests.support.cluster import Cluster


class Sample(NamedTuple):
    """What was committed of a partition at a moment, and then the end of the scores that count."""

    partition: int
    committed: int
    scores_end: int


def visit(cluster: Cluster, topic: str, look: Callable[[Any], None]) -> dict[int, int]:
    """Look at every committed record of a topic; the end offsets of its partitions."""
    return asyncio.run(_visit(cluster, topic, look))


async def _visit(cluster: Cluster, topic: str, look: Callable[[Any], None]) -> dict[int, int]:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=cluster.settings.brokers, group_id=None, enable_auto_commit=False,
        auto_offset_reset="earliest", isolation_level="read_committed",
        fetch_max_bytes=8 * 1024 * 1024,
    )  # fmt: skip
    await consumer.start()
    try:
        places = [
            TopicPartition(topic, number)
            for number in sorted(consumer.partitions_for_topic(topic) or ())
        ]
        ends = await consumer.end_offsets(places)
        async for records in _runs(consumer, ends):
            for record in records:
                look(record)
        return {place.partition: end for place, end in ends.items()}
    finally:
        await consumer.stop()


async def _runs(
    consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]
) -> AsyncIterator[list[Any]]:
    left = set(ends)
    while left := {place for place in left if await consumer.position(place) < ends[place]}:
        for records in (await consumer.getmany(*left, timeout_ms=1_000)).values():
            yield records


class Sampler:
    """Looks again and again how far each partition is committed, and then at the scores' end.

    Whatever is committed at that moment must have its scores before that end. The end is that of
    all records, not of committed ones: Kafka may show the committed offset of a transaction a
    moment before it has told the partitions of its records that they count.

    Parameters
    ----------
    cluster
        Where.
    every
        Seconds between looks.
    """

    def __init__(self, cluster: Cluster, every: float) -> None:
        self.samples: list[Sample] = []
        self.missed = 0
        self._cluster, self._every = cluster, every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> Sampler:
        """Begin."""
        self._thread.start()
        return self

    def stop(self) -> list[Sample]:
        """End; what was seen."""
        self._stop.set()
        self._thread.join()
        return self.samples

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                asyncio.run(asyncio.wait_for(self._look(), 20))
            except Exception:  # noqa: BLE001 - a broker is away: a look less, and it is counted
                self.missed += 1
                time.sleep(1.0)

    async def _look(self) -> None:
        topic, settings = self._cluster.topics.scores, self._cluster.settings
        consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.brokers, group_id=None, enable_auto_commit=False,
            isolation_level="read_uncommitted",
        )  # fmt: skip
        await consumer.start()
        try:
            places = [TopicPartition(topic, number) for number in range(settings.partitions)]
            while not self._stop.is_set():
                committed = await asyncio.to_thread(self._cluster.committed)
                ends = await consumer.end_offsets(places)
                self.samples += [
                    Sample(place.partition, committed[place.partition], ends[place])
                    for place in places
                    if place.partition in committed
                ]
                await asyncio.sleep(self._every)
        finally:
            await consumer.stop()
