"""The run transport without a broker: a real consumer on top of a fetch that a test answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any

from aiokafka.structs import ConsumerRecord
from faust.types import TP
from prometheus_client import CollectorRegistry

from streams.app import Worker
from streams.checkpoint import Checkpoint, Stage
from streams.settings import Settings
from streams.transport.consumer import RunConsumer
from tests.support.factories import config

_loops: list[asyncio.AbstractEventLoop] = []
EVENTS, PROFILES = "penchant.events", "penchant-profiles-changelog"


def record(tp: TP, offset: int, value: bytes = b"{}", key: bytes = b"p") -> Any:
    """A record as aiokafka fetches it."""
    return ConsumerRecord(
        tp.topic, tp.partition, offset, 1_000, 0, key, value, None, len(key), len(value), ()
    )


def records(tp: TP, offsets: Iterable[int]) -> list[Any]:
    """Records of a partition."""
    return [record(tp, offset) for offset in offsets]


class Notes(Checkpoint):
    """A checkpoint that notes what it is told, in the order of ``log``."""

    def __init__(self, log: list[Any], *, transactional: bool = False) -> None:
        super().__init__("penchant", frozenset((EVENTS, "penchant.examples")), {})
        self.transactional = transactional
        self.log = log
        self.failure: Exception | None = None

    async def own(self, partitions: set[TP]) -> None:
        """Note the partitions."""
        self.log.append(("own", partitions))
        if self.failure is not None:
            raise self.failure

    async def commit(self, source: TP, offset: int | None, stages: Sequence[Stage]) -> None:
        """Note the commit."""
        self.log.append(("commit", source, offset, stages))
        if self.failure is not None:
            raise self.failure

    async def stop(self) -> None:
        """Note the end."""
        self.log.append(("stop",))


def new_worker(**settings: Any) -> Worker:
    """A worker that is connected to nothing."""
    return Worker(config(), Settings(_env_file=None, **settings), CollectorRegistry())


class Rig:
    """A consumer whose fetches, seeks and commits are answered here.

    Parameters
    ----------
    transactional
        What the checkpoint is.
    max_run
        Records in a run, at most.
    """

    def __init__(self, *, transactional: bool = False, max_run: int = 1000) -> None:
        self.log: list[Any] = []
        self.worker = new_worker()
        self.app: Any = self.worker.app
        transport: Any = self.app.transport
        transport.checkpoint = Notes(self.log, transactional=transactional)
        transport.max_run = max_run
        self.handed: list[Any] = []
        self.hold: asyncio.Event | None = None
        self.committed: dict[TP, int] = {}
        self.earliest: dict[TP, int] = {}
        self.unknown: Exception | None = None
        self.sought: list[Mapping[TP, int]] = []
        self.offered: list[Mapping[TP, Any]] = []
        self.consumer = self._new_consumer()
        self.app.consumer = self.consumer
        self.app.consumer_generation_id = 1

    def _new_consumer(self) -> RunConsumer:
        consumer: Any = self.app.transport.create_consumer(
            callback=self._hand,
            on_partitions_revoked=self._noted("revoked"),
            on_partitions_assigned=self._noted("assigned"),
        )
        consumer.seek_to_committed = self._seek_to_committed
        consumer.seek_wait = self._seek
        consumer.earliest_offsets = self._earliest_offsets
        consumer.assignment = lambda: {TP(EVENTS, number) for number in range(2)}
        _loops.append(consumer._thread.thread_loop)
        made: RunConsumer = consumer
        return made

    def _noted(self, what: str) -> Callable[..., Coroutine[Any, Any, None]]:
        async def note(partitions: set[TP], *_: Any) -> None:
            self.log.append((what, partitions))

        return note

    async def _hand(self, message: Any) -> None:
        if self.hold is not None:
            await self.hold.wait()
        self.handed.append(message)

    async def _seek_to_committed(self) -> dict[TP, int]:
        return self.committed

    async def _earliest_offsets(self, *partitions: TP) -> dict[TP, int]:
        if self.unknown is not None:
            raise self.unknown
        return {tp: self.earliest.get(tp, 0) for tp in partitions}

    async def _seek(self, offsets: Mapping[TP, int]) -> None:
        self.sought.append(dict(offsets))
        self.consumer._read_offset.update(offsets)

    def take_commits(self) -> None:
        """Note the offsets that the consumer commits, and empty its flow when partitions leave."""
        consumer: Any = self.consumer
        consumer._commit = self._commit
        consumer._on_partitions_revoked = lambda _: consumer.wait_empty()

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """What the broker takes down, after a while."""
        await asyncio.sleep(0.01)
        self.log.append(("committed", dict(offsets)))
        return True

    async def ready(self) -> Rig:
        """As after a recovery: sources are sought, and the flow goes on."""
        await self.consumer.perform_seek()
        self.consumer.resume_flow()
        return self

    async def fetch(
        self, fetched: Mapping[TP, Any], ends: Mapping[TP, int] | None = None, generation: int = 1
    ) -> None:
        """What the consumer does with a fetch."""
        await self.consumer._deliver_fetched(fetched, None, ends or {}, generation)
        await self.consumer._deliver_ends(ends or {}, generation)
        await self.consumer._seek_stale(generation)

    @property
    def runs(self) -> list[tuple[TP, list[int], int]]:
        """What was handed over: partition, offsets of the records, offset of the message."""
        return [(one.tp, [each.offset for each in one.value], one.offset) for one in self.handed]


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test's coroutine; the threads of its consumers never start, their loops are closed."""
    try:
        asyncio.run(asyncio.wait_for(test(), 30))
    finally:
        while _loops:
            _loops.pop().close()
