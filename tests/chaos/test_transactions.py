"""A transaction that nobody ends: it delays readers for its timeout at most, and never counts."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from faust.types import TP

from streams.app import new_checkpoint
from streams.checkpoint import Checkpoint
from tests.support.cluster import Cluster

pytestmark = pytest.mark.kafka

#: PENCHANT_TRANSACTION_TIMEOUT of the worker that falls asleep.
TIMEOUT = 4.0
#: The broker looks for overdue transactions every second; the rest is for a busy machine.
SLACK = 15.0


def test_a_transaction_left_open_delays_readers_no_longer_than_its_timeout(kafka: Cluster) -> None:
    waited, values = asyncio.run(_leave_open(kafka))
    assert values == [b"after"]
    assert waited < TIMEOUT + SLACK


async def _leave_open(cluster: Cluster) -> tuple[float, list[bytes]]:
    brokers, topic = cluster.settings.brokers, cluster.topics.scores
    checkpoint, sleeper = await _asleep(cluster)
    plain = AIOKafkaProducer(bootstrap_servers=brokers)
    reader = AIOKafkaConsumer(
        bootstrap_servers=brokers, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    for client in (plain, reader):
        await client.start()
    try:
        reader.assign([TopicPartition(topic, 0)])
        await plain.send_and_wait(topic, b"after", key=b"k", partition=0)
        started = time.monotonic()
        record = await asyncio.wait_for(reader.getone(), TIMEOUT + 4 * SLACK)
        waited = time.monotonic() - started
        with pytest.raises(KafkaError):  # it wakes, and is told
            await sleeper.commit_transaction()
        more = await reader.getmany(timeout_ms=500)
        return waited, [record.value, *[one.value for run in more.values() for one in run]]
    finally:
        for client in (plain, reader):
            await client.stop()
        await checkpoint.stop()


async def _asleep(cluster: Cluster) -> tuple[Checkpoint, AIOKafkaProducer]:
    """A worker's checkpoint, and its producer in the middle of a transaction."""
    settings = cluster.settings.model_copy(update={"transaction_timeout": TIMEOUT})
    checkpoint: Any = new_checkpoint(settings, cluster.topics)
    source = TP(cluster.topics.events, 0)
    await checkpoint.own({source})
    producer = checkpoint._producers[source]
    await producer.begin_transaction()
    await producer.send_and_wait(cluster.topics.scores, b"never", key=b"k", partition=0)
    return checkpoint, producer
