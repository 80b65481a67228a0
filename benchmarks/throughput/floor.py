"""The floor: events read and parsed, two outputs of a score's size each, and nothing done.

``python floor.py BROKER TOPIC EVENTS aiokafka|confluent``, by the Python that has the client.
"""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from typing import Any

import orjson

OUTPUT = b"x" * 1_000
OUTPUTS = 2
AT_ONCE = 1_000


def say(events: int, wall: float, cpu: float) -> None:
    """The figures, as the benchmark reads them."""
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"FIGURES {events / wall:.0f} {cpu / events * 1e6:.1f}", flush=True)


async def aiokafka(broker: str, topic: str, wanted: int) -> None:
    """With prebuilt batches, which is the cheapest that aiokafka has."""
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # noqa: PLC0415 - not in each Python

    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=broker, group_id=f"floor-{uuid.uuid4()}",
        auto_offset_reset="earliest", enable_auto_commit=False,
    )  # fmt: skip
    producer = AIOKafkaProducer(bootstrap_servers=broker, max_batch_size=512 * 1024, linger_ms=0)
    await consumer.start()
    await producer.start()
    seen, started = 0, None
    while seen < wanted:
        for place, records in (await consumer.getmany(max_records=AT_ONCE)).items():
            started = started or (time.perf_counter(), time.process_time())
            seen += len(records)
            await _echo(producer, f"{topic}-floor", place.partition, records)
        await consumer.commit()
    say(seen, *(started or (0.0, 0.0)))
    await producer.stop()
    await consumer.stop()


async def _echo(producer: Any, topic: str, partition: int, records: list[Any]) -> None:
    sent, batch = [], producer.create_batch()
    for record in records:
        orjson.loads(record.value)
        for _ in range(OUTPUTS):
            if batch.append(key=record.key, value=OUTPUT, timestamp=None) is None:
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(key=record.key, value=OUTPUT, timestamp=None)
    sent.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*sent)


def confluent(broker: str, topic: str, wanted: int) -> None:
    """With librdkafka behind it."""
    from confluent_kafka import Consumer, Producer  # noqa: PLC0415 - not in each Python

    consumer = Consumer({
        "bootstrap.servers": broker, "group.id": f"floor-{uuid.uuid4()}",
        "auto.offset.reset": "earliest", "enable.auto.commit": False,
    })  # fmt: skip
    producer = Producer({"bootstrap.servers": broker, "linger.ms": 5})
    consumer.subscribe([topic])
    seen, started = 0, None
    while seen < wanted:
        records = consumer.consume(AT_ONCE, timeout=1.0)
        if records and started is None:
            started = (time.perf_counter(), time.process_time())
        for record in records:
            orjson.loads(record.value())
            for _ in range(OUTPUTS):
                producer.produce(f"{topic}-floor", key=record.key(), value=OUTPUT)
        seen += len(records)
        producer.flush()
        if records:
            consumer.commit(asynchronous=False)
    say(seen, *(started or (0.0, 0.0)))
    consumer.close()


if __name__ == "__main__":
    broker, topic, wanted, client = sys.argv[1:5]
    if client == "aiokafka":
        asyncio.run(aiokafka(broker, topic, int(wanted)))
    else:
        confluent(broker, topic, int(wanted))
