"""The checkpoint: what a run brought about becomes durable, all of it before its offset does.

One object with one method and two implementations; nothing else knows which.

``Transactional``
    One Kafka transaction of the source partition's own producer: outputs, tables and the source
    offset become visible together or not at all. Opening the producer fences the one before it.
``Ordered``
    For brokers without transactions: outputs, then tickets, then profiles, each awaited, then the
    offset by acknowledging. At least once; duplicates are recognisable by their ids.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer import sender
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.types import TP

from streams.batches import Headers, Outgoing, filled
from streams.producers import close_producer, start_producer

#: Bytes in a batch of records: large runs go out in few requests.
BATCH_BYTES = 512 * 1024
REQUEST_BYTES = 1_048_576
#: Seconds after which a transaction is begun again that came while the coordinator was completing
#: the one before; aiokafka has 20 ms, which is as long as all the rest of a small transaction.
COMPLETING = 0.005

sender.BACKOFF_OVERRIDE = COMPLETING  # there is no option for it


class Output(NamedTuple):
    """Records for one partition of a topic, in order.

    Parameters
    ----------
    topic, partition
        Where they go.
    records
        Keys and values.
    headers
        Those of each record; none where no record has any.
    """

    topic: str
    partition: int
    records: Sequence[Outgoing]
    headers: Sequence[Headers] = ()


Stage = Sequence[Output]


class Checkpoint(ABC):
    """Makes runs durable.

    Parameters
    ----------
    group
        The consumer group, which is also the start of every transactional id.
    sources
        The topics whose partitions it is told to own.
    options
        For aiokafka's producers: brokers and security.
    """

    transactional: bool

    def __init__(self, group: str, sources: frozenset[str], options: Mapping[str, Any]) -> None:
        self.group = group
        self.sources = sources
        self._options = {
            "max_batch_size": BATCH_BYTES, "max_request_size": REQUEST_BYTES, "acks": "all",
            "request_timeout_ms": 30_000,
        } | dict(options)  # fmt: skip

    @abstractmethod
    async def own(self, partitions: set[TP]) -> None:
        """Get ready to write for these source partitions, and for no others."""

    @abstractmethod
    async def commit(self, source: TP, offset: int | None, stages: Sequence[Stage]) -> None:
        """Make what a run of a source partition brought about durable.

        Parameters
        ----------
        source
            The partition.
        offset
            Its next offset, to be committed with it; None when no record was read.
        stages
            What to write; where order is all there is, a stage only after the one before it.

        Raises
        ------
        KafkaError
            Nothing of it may be relied on; the worker must stop.
        """

    @abstractmethod
    async def stop(self) -> None:
        """Close every producer."""


class Transactional(Checkpoint):
    """One transaction a run.

    Parameters
    ----------
    timeout
        Seconds after which the broker ends a transaction left open.
    """

    transactional = True

    def __init__(
        self, group: str, sources: frozenset[str], options: Mapping[str, Any], timeout: float
    ) -> None:
        super().__init__(group, sources, options)
        self._timeout = int(timeout * 1000)
        self._producers: dict[TP, AIOKafkaProducer] = {}

    async def own(self, partitions: set[TP]) -> None:
        """Open a producer for each, anew also for those kept.

        Initialising waits until a transaction that is still completing has completed, and ends the
        epoch of whoever had the same transactional id before.
        """
        await self.stop()
        await asyncio.gather(*(self._open(source) for source in sorted(partitions)))

    async def _open(self, source: TP) -> None:
        producer = AIOKafkaProducer(
            transactional_id=f"{self.group}-{source.topic}-{source.partition}",
            transaction_timeout_ms=self._timeout,
            linger_ms=0,
            **self._options,
        )
        await start_producer(producer)
        self._producers[source] = producer

    async def commit(self, source: TP, offset: int | None, stages: Sequence[Stage]) -> None:
        """One transaction with everything, the offset included."""
        producer = self._producers[source]
        async with producer.transaction():
            outputs = [output for stage in stages for output in stage]
            # aiokafka's commit does not look at deliveries: offsets were seen to be committed
            # whose records had failed.
            await _deliver(producer, outputs)
            if offset is not None:
                place = TopicPartition(source.topic, source.partition)
                await producer.send_offsets_to_transaction(
                    {place: OffsetAndMetadata(offset, "")}, self.group
                )

    async def stop(self) -> None:
        """Close every producer; one that has been fenced or is in doubt is let go."""
        producers, self._producers = self._producers, {}
        await asyncio.gather(*(close_producer(producer) for producer in producers.values()))


class Ordered(Checkpoint):
    """One stage after the other; the offset follows when the run is acknowledged."""

    transactional = False

    def __init__(self, group: str, sources: frozenset[str], options: Mapping[str, Any]) -> None:
        super().__init__(group, sources, options)
        self._producer: AIOKafkaProducer | None = None

    async def own(self, partitions: set[TP]) -> None:
        """One producer serves all partitions."""
        if self._producer is None and partitions:
            self._producer = AIOKafkaProducer(linger_ms=0, **self._options)
            await start_producer(self._producer)

    async def commit(self, source: TP, offset: int | None, stages: Sequence[Stage]) -> None:
        """Each stage, awaited, before the next."""
        if self._producer is None:
            raise KafkaError(f"no producer for {source}")
        for stage in stages:
            await _deliver(self._producer, stage)

    async def stop(self) -> None:
        """Close the producer."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await close_producer(producer)


async def _deliver(producer: AIOKafkaProducer, outputs: Iterable[Output]) -> None:
    """Send records in prebuilt batches and wait until the broker has them all."""
    sent: list[asyncio.Future[Any]] = []
    for output in outputs:
        batches = filled(producer, output.records, output.headers)
        sent += [await _send(producer, batch, output) for batch in batches]
    if sent:
        await asyncio.wait(sent)
    failures = [failure for delivery in sent if (failure := delivery.exception()) is not None]
    if failures:
        raise failures[0]


async def _send(producer: AIOKafkaProducer, batch: Any, output: Output) -> asyncio.Future[Any]:
    delivery: asyncio.Future[Any] = await producer.send_batch(
        batch, output.topic, partition=output.partition
    )
    # Sending the next one may raise what this one fails with, and nobody then asks it;
    # asyncio reports failures that nobody has looked at.
    delivery.add_done_callback(_look_at)
    return delivery


def _look_at(delivery: asyncio.Future[Any]) -> None:
    if not delivery.cancelled():
        delivery.exception()
