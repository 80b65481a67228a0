"""Snapshots in: every scorer reads the compacted models topic, from its beginning and then on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from models.engine import Engine
from models.errors import SnapshotError
from models.learning.snapshot import read_snapshot
from streams.metrics import Metrics

logger = logging.getLogger(__name__)

POLL_MS = 200


class SnapshotReader:
    """Hands every new snapshot to the engine.

    A snapshot whose numbers cannot be trusted is refused and counted; the last good one stays.

    Parameters
    ----------
    topic
        The models topic.
    engine
        Who scores with them.
    metrics
        Show which version that is.
    options
        Brokers and security, for aiokafka.
    committed
        Whether to read committed records only.
    """

    def __init__(
        self,
        topic: str,
        engine: Engine,
        metrics: Metrics,
        options: Mapping[str, Any],
        *,
        committed: bool,
    ) -> None:
        self.topic = topic
        self.engine = engine
        self.metrics = metrics
        self._options = dict(options)
        self._isolation = "read_committed" if committed else "read_uncommitted"
        self._caught_up = asyncio.Event()

    @property
    def is_caught_up(self) -> bool:
        """Whether what was in the topic at the start has been read."""
        return self._caught_up.is_set()

    async def wait_caught_up(self) -> None:
        """Wait until what was in the topic at the start has been read."""
        await self._caught_up.wait()

    async def run(self) -> None:
        """Read until cancelled."""
        consumer = AIOKafkaConsumer(
            group_id=None, enable_auto_commit=False, auto_offset_reset="earliest",
            isolation_level=self._isolation, **self._options,
        )  # fmt: skip
        await consumer.start()
        try:
            await self._follow(consumer)
        finally:
            await consumer.stop()

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        partition = TopicPartition(self.topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        while True:
            if not self._caught_up.is_set() and await consumer.position(partition) >= end:
                self._caught_up.set()
            fetched = await consumer.getmany(partition, timeout_ms=POLL_MS)
            for records in _latest_first(fetched.get(partition, [])):
                for record in records:
                    if self._adopt(record):
                        break

    def _adopt(self, record: Any) -> bool:
        """Whether a snapshot is in force now; otherwise the one before it may be."""
        try:
            snapshot = read_snapshot(record.value)
            adopted = self.engine.adopt(snapshot)
        except SnapshotError as error:
            self.metrics.snapshots_refused.inc()
            place = {"topic": self.topic, "partition": 0, "offset": record.offset}
            logger.warning("refused a snapshot: %s", error, extra=place)
            return False
        if not adopted:
            return False
        for goal in self.engine.compiled.goals:
            scorer = self.engine.board.scorer(goal)
            if goal.name == snapshot.goal and scorer is not None:
                self.metrics.show_scorer(scorer, record.timestamp / 1000)
        return True


def _latest_first(records: Iterable[Any]) -> list[list[Any]]:
    """The snapshots of each goal since it was last withdrawn, the latest first.

    The first one that can be used is enough: those before it need not even be read.

    Examples
    --------
    >>> from models.step import PlainRecord
    >>> values = (b"1", None, b"2", b"3")
    >>> records = [PlainRecord(b"churn", one, at) for at, one in enumerate(values)]
    >>> [[record.value for record in goal] for goal in _latest_first(records)]
    [[b'3', b'2']]
    """
    by_goal: dict[bytes, list[Any]] = {}
    for record in records:
        if record.value:
            by_goal.setdefault(record.key, []).append(record)
        else:
            by_goal.pop(record.key, None)
    return [found[::-1] for found in by_goal.values()]
