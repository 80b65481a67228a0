"""What aiokafka's consumer does on a broker, where the transport reads its private state."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.structs import TopicPartition
from faust.types import TP

from streams.checkpoint import Output, Transactional
from streams.security import client_options
from streams.transport.thread import FETCH_WAIT_MS
from tests.support.cluster import Cluster
from tests.support.transport import run


def with_consumer(cluster: Cluster, test: Callable[[Any, TopicPartition], Awaitable[None]]) -> None:
    """Run a test with a consumer that is set as RunConsumerThread sets it."""

    async def opened() -> None:
        place = TopicPartition(cluster.topics.profiles, 0)
        consumer = AIOKafkaConsumer(group_id=None, auto_offset_reset="earliest",
                                    **client_options(cluster.settings))  # fmt: skip
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        await consumer.start()
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        try:
            await test(consumer, place)
        finally:
            await consumer.stop()

    run(opened)


def state_of(consumer: Any, place: TopicPartition) -> Any:
    """As RunConsumer finds it."""
    return consumer._subscription.subscription.assignment.state_value(place)


@pytest.mark.embedded
def test_position_and_time_of_the_last_poll_move_with_what_is_fetched(embedded: Cluster) -> None:
    embedded.send([(b"k", b"%d" % one) for one in range(50)], embedded.topics.profiles)

    async def test(consumer: Any, place: TopicPartition) -> None:
        assert consumer._fetcher._fetch_max_wait_ms == FETCH_WAIT_MS
        started, count = time.time(), 0
        while (state := state_of(consumer, place)).highwater is None or (
            state._position < state.highwater
        ):
            count += len((await consumer.getmany(timeout_ms=500)).get(place, []))
        assert state.has_valid_position
        assert state._position == state.highwater == count > 0
        assert started - 0.001 <= state.timestamp / 1000 <= time.time()  # whole milliseconds
        before = state.timestamp
        while state.timestamp == before:  # a poll that finds nothing more moves it, too
            await consumer.getmany(timeout_ms=200)
        assert state._position == count

    with_consumer(embedded, test)


@pytest.mark.kafka
def test_the_isolation_set_before_the_start_holds_and_the_position_passes_markers(
    kafka: Cluster,
) -> None:
    settings, topics = kafka.settings, kafka.topics
    source = TP(topics.events, 0)

    async def write() -> None:
        checkpoint = Transactional(settings.prefix, topics.sources, client_options(settings), 30.0)
        await checkpoint.own({source})
        rows = [(b"k", b"%d" % one) for one in range(3)]
        await checkpoint.commit(source, 1, [[Output(topics.profiles, 0, rows)]])
        await checkpoint.stop()

    asyncio.run(write())

    async def test(consumer: Any, place: TopicPartition) -> None:
        assert consumer._fetcher._isolation_level == READ_COMMITTED
        found: list[Any] = []
        while (state := state_of(consumer, place)).highwater is None or (
            state._position < state.highwater
        ):
            found += (await consumer.getmany(timeout_ms=500)).get(place, [])
        assert [record.offset for record in found] == [0, 1, 2]
        assert state._position == 4, "the marker at offset 3 is passed without a record"

    with_consumer(kafka, test)


@pytest.mark.kafka
def test_an_open_transaction_holds_the_position_at_the_last_stable_offset_below_the_end(
    kafka: Cluster,
) -> None:
    options, topic = client_options(kafka.settings), kafka.topics.profiles

    async def test(consumer: Any, place: TopicPartition) -> None:
        producer = AIOKafkaProducer(transactional_id="stranger", **options)
        await producer.start()
        await producer.begin_transaction()
        try:
            sent = await producer.send_and_wait(topic, b"v", key=b"k", partition=0)
            while ((state := state_of(consumer, place)).highwater or 0) <= sent.offset:
                await consumer.getmany(timeout_ms=200)
            assert state._position == state.lso == sent.offset < state.highwater
        finally:
            await producer.abort_transaction()
            await producer.stop()

    with_consumer(kafka, test)


@pytest.mark.kafka
def test_an_offset_past_the_end_is_left_for_the_first_one_with_the_end_known(
    kafka: Cluster,
) -> None:
    kafka.send([(b"k", b"v")], kafka.topics.profiles)

    async def test(consumer: Any, place: TopicPartition) -> None:
        consumer.seek(place, 1_000_000)
        found: list[Any] = []
        while not found:
            found = (await consumer.getmany(timeout_ms=200)).get(place, [])
        assert found[0].offset == 0
        assert state_of(consumer, place).highwater < 1_000_000

    with_consumer(kafka, test)
