"""Checkpoints: in order, or all at once; and nothing of what has failed may be relied on."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    ConcurrentTransactions,
    InvalidProducerEpoch,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
)
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.producer.sender import AddPartitionsToTxnHandler
from aiokafka.record.default_records import DefaultRecordBatch
from faust.types import TP

from streams.checkpoint import (
    COMPLETING,
    Checkpoint,
    Ordered,
    Output,
    Transactional,
)
from streams.security import client_options
from tests.support.cluster import Cluster
from tests.support.transport import run

#: Room for three records of one byte each, and not for four.
THREE_RECORDS = 61 + 3 * 9 + 8


class Producer:
    """A producer whose deliveries succeed, or fail, when a test says so."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, list[Any]]] = []
        self.deliveries: list[asyncio.Future[None]] = []

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(THREE_RECORDS, 0)

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> Any:
        records = [record.value for record in DefaultRecordBatch(bytes(batch._build()))]
        self.sent.append((topic, partition, records))
        self.deliveries.append(asyncio.get_running_loop().create_future())
        return self.deliveries[-1]


def output(topic: str, *values: bytes, partition: int = 0) -> Output:
    return Output(topic, partition, [(b"k", value) for value in values])


def ordered() -> tuple[Ordered, Producer]:
    checkpoint, producer = Ordered("g", frozenset(("events",)), {}), Producer()
    untyped: Any = checkpoint
    untyped._producer = producer
    return checkpoint, producer


SOURCE = TP("events", 0)


def test_in_order_a_stage_is_sent_only_after_the_one_before_it_has_been_delivered() -> None:
    async def test() -> None:
        checkpoint, producer = ordered()
        stages = [[output("scores", b"1"), output("examples", b"2")], [output("profiles", b"3")]]
        committing = asyncio.create_task(checkpoint.commit(SOURCE, 1, stages))
        await asyncio.sleep(0.01)
        assert [topic for topic, *_ in producer.sent] == ["scores", "examples"]
        producer.deliveries[0].set_result(None)
        await asyncio.sleep(0.01)
        assert len(producer.sent) == 2
        producer.deliveries[1].set_result(None)
        await asyncio.sleep(0.01)
        assert [topic for topic, *_ in producer.sent] == ["scores", "examples", "profiles"]
        assert not committing.done()
        producer.deliveries[2].set_result(None)
        await committing

    run(test)


def test_in_order_a_failed_delivery_raises_and_no_later_stage_is_sent() -> None:
    async def test() -> None:
        checkpoint, producer = ordered()
        stages = [[output("scores", b"1")], [output("profiles", b"2")]]
        committing = asyncio.create_task(checkpoint.commit(SOURCE, 1, stages))
        await asyncio.sleep(0.01)
        producer.deliveries[0].set_exception(KafkaError("the broker is gone"))
        with pytest.raises(KafkaError, match="the broker is gone"):
            await committing
        assert len(producer.sent) == 1

    run(test)


def test_records_go_out_in_order_in_batches_of_one_partition_and_empty_ones_do_not() -> None:
    async def test() -> None:
        checkpoint, producer = ordered()
        values = [b"%d" % number for number in range(7)]
        stage = [output("scores", *values, partition=3), output("examples"), output("dlq", b"x")]
        committing = asyncio.create_task(checkpoint.commit(SOURCE, 1, [stage]))
        await asyncio.sleep(0.01)
        for delivery in producer.deliveries:
            delivery.set_result(None)
        await committing
        assert [(topic, number, len(batch)) for topic, number, batch in producer.sent] == [
            ("scores", 3, 3), ("scores", 3, 3), ("scores", 3, 1), ("dlq", 0, 1),
        ]  # fmt: skip
        assert [value for *_, batch in producer.sent[:3] for value in batch] == values

    run(test)


def test_a_delivery_that_failed_beside_a_refused_send_is_not_reported_as_overlooked() -> None:
    """Asyncio logs, with a traceback, the failure of a future that nobody has looked at."""
    overlooked: list[dict[str, Any]] = []

    async def test() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, seen: overlooked.append(seen))
        checkpoint, producer = ordered()
        send = producer.send_batch

        async def fenced(batch: Any, topic: str, *, partition: int) -> Any:
            if topic == "b":
                producer.deliveries[0].set_exception(ProducerFenced())
                raise ProducerFenced
            return await send(batch, topic, partition=partition)

        producer.send_batch = fenced  # type: ignore[method-assign]
        with pytest.raises(ProducerFenced):
            await checkpoint.commit(SOURCE, 1, [[output("a", b"1"), output("b", b"2")]])

    asyncio.run(test())
    gc.collect()
    assert not overlooked


def test_a_transaction_that_comes_while_the_one_before_completes_waits_milliseconds() -> None:
    manager = SimpleNamespace(txn_partitions=set())
    handler = AddPartitionsToTxnHandler(
        SimpleNamespace(_retry_backoff=0.1, _txn_manager=manager), []
    )
    refused = SimpleNamespace(errors=[("scores", [(0, ConcurrentTransactions.errno)])])
    assert handler.handle_response(refused) == COMPLETING < 0.01


def test_without_a_producer_nothing_is_committed() -> None:
    async def test() -> None:
        with pytest.raises(KafkaError, match="no producer"):
            await Ordered("g", frozenset(("events",)), {}).commit(SOURCE, 1, [])

    run(test)


# -- on brokers -------------------------------------------------------------------------------


def checkpoint_of(cluster: Cluster) -> Checkpoint:
    settings, topics = cluster.settings, cluster.topics
    options = client_options(settings)
    if settings.guarantee == "exactly_once":
        return Transactional(settings.prefix, topics.sources, options, 30.0)
    return Ordered(settings.prefix, topics.sources, options)


def with_checkpoint(
    cluster: Cluster, test: Callable[[Checkpoint, TP], Coroutine[Any, Any, None]]
) -> None:
    """Run a test with a checkpoint that owns a partition of the events."""

    async def opened() -> None:
        checkpoint, source = checkpoint_of(cluster), TP(cluster.topics.events, 0)
        await checkpoint.own({source})
        try:
            await test(checkpoint, source)
        finally:
            await checkpoint.stop()

    run(opened)


def values(cluster: Cluster, topic: str) -> list[bytes]:
    return [record.value for record in cluster.read(topic)]


@pytest.mark.embedded
def test_in_order_on_a_broker(embedded: Cluster) -> None:
    topics = embedded.topics

    async def test(checkpoint: Checkpoint, source: TP) -> None:
        large = [b"%d" % number + os.urandom(100_000) for number in range(12)]
        await checkpoint.commit(source, 1, [[output(topics.scores, *large)]])
        letter = Output(topics.dlq, 1, [(None, b"{")], [[("reason", b"not_json")]])
        await checkpoint.commit(source, 2, [[letter], [output(topics.profiles, b"state")]])

    with_checkpoint(embedded, test)
    assert [value[:2] for value in values(embedded, topics.scores)][:2] != []
    assert len(values(embedded, topics.scores)) == 12
    (letter,) = embedded.read(topics.dlq)
    assert (letter.partition, letter.value, letter.headers) == (1, b"{", (("reason", b"not_json"),))
    assert values(embedded, topics.profiles) == [b"state"]
    assert embedded.committed() == {}  # the offset follows when the run is acknowledged


@pytest.mark.kafka
def test_a_transaction_shows_records_and_offset_together(kafka: Cluster) -> None:
    topics = kafka.topics

    async def test(checkpoint: Checkpoint, source: TP) -> None:
        stages = [[output(topics.scores, b"1", b"2")], [output(topics.profiles, b"state")]]
        await checkpoint.commit(source, 7, stages)
        await checkpoint.commit(source, None, [[output(topics.scores, b"3")]])

    with_checkpoint(kafka, test)
    assert values(kafka, topics.scores) == [b"1", b"2", b"3"]
    assert values(kafka, topics.profiles) == [b"state"]
    assert kafka.committed() == {0: 7}


@pytest.mark.kafka
def test_of_a_run_that_fails_nothing_is_visible_and_its_offset_is_not_committed(
    kafka: Cluster,
) -> None:
    topics = kafka.topics

    async def test(checkpoint: Checkpoint, source: TP) -> None:
        await checkpoint.commit(source, 1, [[output(topics.scores, b"before")]])
        too_large = os.urandom(2_000_000)
        with pytest.raises(MessageSizeTooLargeError):
            await checkpoint.commit(
                source, 2, [[output(topics.scores, b"lost")], [output(topics.profiles, too_large)]]
            )

    with_checkpoint(kafka, test)
    assert values(kafka, topics.scores) == [b"before"]
    assert values(kafka, topics.profiles) == []
    assert kafka.committed() == {0: 1}
    written = sum(len(end) for end in log_of(kafka, topics.scores))
    assert written > len(b"before")


def log_of(cluster: Cluster, topic: str) -> list[bytes]:
    """What is in a topic, committed or not: the aborted record is there and not shown."""
    uncommitted = cluster.settings.model_copy(update={"guarantee": "at_least_once"})
    return values(Cluster(uncommitted, cluster.folder), topic)


@pytest.mark.kafka
def test_who_opens_the_partition_next_fences_the_owner_before(kafka: Cluster) -> None:
    topics = kafka.topics

    async def test(checkpoint: Checkpoint, source: TP) -> None:
        await checkpoint.commit(source, 1, [[output(topics.profiles, b"old")]])
        successor = checkpoint_of(kafka)
        await successor.own({source})
        try:
            await successor.commit(source, 2, [[output(topics.profiles, b"new")]])
            with pytest.raises(ProducerFenced):
                await checkpoint.commit(source, 2, [[output(topics.profiles, b"woken")]])
        finally:
            await successor.stop()

    with_checkpoint(kafka, test)
    assert values(kafka, topics.profiles) == [b"old", b"new"]
    assert kafka.committed() == {0: 2}


@pytest.mark.kafka
@pytest.mark.parametrize("writes_more", [True, False])
def test_who_is_fenced_in_the_middle_of_a_transaction_ends_nothing_and_shows_nothing(
    kafka: Cluster, writes_more: bool
) -> None:
    topics = kafka.topics

    async def test(checkpoint: Checkpoint, source: TP) -> None:
        await checkpoint.commit(source, 1, [[output(topics.profiles, b"old")]])
        untyped: Any = checkpoint
        producer = untyped._producers[source]
        await producer.begin_transaction()
        await producer.send_and_wait(topics.profiles, b"open", key=b"k", partition=0)
        successor = checkpoint_of(kafka)
        await successor.own({source})
        try:
            await successor.commit(source, 2, [[output(topics.profiles, b"new")]])
            with pytest.raises((ProducerFenced, InvalidProducerEpoch)):
                if writes_more:
                    await producer.send_and_wait(topics.profiles, b"woken", key=b"k", partition=0)
                await producer.commit_transaction()
            await successor.commit(source, 3, [[output(topics.profiles, b"newer")]])
        finally:
            await successor.stop()

    with_checkpoint(kafka, test)
    assert values(kafka, topics.profiles) == [b"old", b"new", b"newer"]
    assert b"open" in log_of(kafka, topics.profiles)
    assert kafka.committed() == {0: 3}


@pytest.mark.kafka
def test_a_partition_that_was_let_go_cannot_be_written_for(kafka: Cluster) -> None:
    async def test(checkpoint: Checkpoint, source: TP) -> None:
        await checkpoint.own({TP(source.topic, 1)})
        with pytest.raises(KeyError):
            await checkpoint.commit(source, 1, [[output(kafka.topics.profiles, b"woken")]])

    with_checkpoint(kafka, test)
    assert values(kafka, kafka.topics.profiles) == []
