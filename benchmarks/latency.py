"""From an event to its score: what a reader of committed scores waits, at a steady load.

``python -m benchmarks.latency [EVENTS_A_SECOND [SECONDS]]`` sends events at moments laid down
beforehand to a worker on Apache Kafka and takes the time from the moment at which an event should
have been sent, whether or not the sender was late, to the arrival of a score that has seen it. So
a stall counts for everything that it kept waiting (no coordinated omission). What comes first is
not counted: a broker that has just started spends half of a processor on compiling itself. Prints
percentiles, and, where no load is said, writes them beside their aim: it is then the one that
keeps half of the machine busy, by what the first minute took, which is half of what is sustained on
whatever machine and day.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from benchmarks.aims import Row, tell
from benchmarks.throughput.load import CONFIG, events, snapshots
from streams.settings import Settings
from tests.support.apache import Broker, apache_kafka
from tests.support.cluster import Cluster

PARTITIONS = 4
PROFILES = 200_000
#: Seconds at the start that are not counted: connections, caches, the first fetches.
WARM_UP = 5.0
#: Seconds of the same load before anything is counted, until the broker's code is compiled.
BROKER_WARM_UP = 30.0
PERCENTILES = (50, 90, 99, 99.9, 100)
#: Events a second to begin with, and for how long what is found from them.
RATE, SECONDS = 2_000.0, 20.0

Place = tuple[int, int]


class Waits:
    """When events were due, and when scores that have seen them came."""

    def __init__(self) -> None:
        self.due: dict[Place, float] = {}
        self.came: dict[Place, float] = {}
        #: Share of the machine's processors that was busy while events were sent.
        self.busy = 0.0

    def seconds(self, counted_from: float) -> np.ndarray[Any, np.dtype[np.float64]]:
        """What was waited for the events that were due from a moment on."""
        waits = [
            self.came[place] - due
            for place, due in self.due.items()
            if place in self.came and due >= counted_from
        ]
        return np.array(waits)


async def send(cluster: Cluster, waits: Waits, rate: float, seconds: float) -> None:
    """Send events, and note when each was due."""
    log, before = list(events(int(rate * seconds), PROFILES)), times_of_machine()
    sent = await paced(cluster, log, rate)
    idle, spent = (now - then for now, then in zip(times_of_machine(), before, strict=True))
    waits.busy = 1.0 - idle / spent
    for due, record in sent:
        waits.due[record.partition, record.offset] = due


async def paced(
    cluster: Cluster, log: Iterable[tuple[bytes, bytes]], rate: float
) -> list[tuple[float, RecordMetadata]]:
    """Send events, each when it is due or, where that is over, at once; when, and where they are.

    Parameters
    ----------
    cluster
        Theirs.
    log
        Keys and values.
    rate
        How many are due in a second.
    """
    producer = AIOKafkaProducer(bootstrap_servers=cluster.settings.brokers, linger_ms=2)
    await producer.start()
    started, sent = time.monotonic(), []
    for number, (key, value) in enumerate(log):
        due = started + number / rate
        if due > time.monotonic():
            await asyncio.sleep(due - time.monotonic())
        sent.append((due, await producer.send(cluster.topics.events, key=key, value=value)))
    found = [(due, await delivery) for due, delivery in sent]
    await producer.stop()
    return found


async def receive(cluster: Cluster, waits: Waits, ready: asyncio.Event) -> None:
    """Note when the scores of an event are there for a reader of committed records."""
    consumer = AIOKafkaConsumer(
        cluster.topics.scores, bootstrap_servers=cluster.settings.brokers,
        isolation_level="read_committed", auto_offset_reset="earliest", fetch_max_wait_ms=50,
    )  # fmt: skip
    await consumer.start()
    ready.set()
    try:
        while True:
            fetched = await consumer.getmany(timeout_ms=100)
            now = time.monotonic()
            for records in fetched.values():
                for record in records:
                    source = orjson.loads(record.value)["source"]
                    waits.came.setdefault((source["partition"], source["offset"]), now)
    finally:
        await consumer.stop()


async def follow(cluster: Cluster, rate: float, seconds: float) -> Waits:
    """Send and receive until all scores should have come."""
    waits, ready = Waits(), asyncio.Event()
    receiving = asyncio.create_task(receive(cluster, waits, ready))
    await ready.wait()
    await send(cluster, waits, rate, seconds)
    await asyncio.sleep(5.0)
    receiving.cancel()
    await asyncio.gather(receiving, return_exceptions=True)
    return waits


class Figures(NamedTuple):
    """What was waited with a guarantee.

    Parameters
    ----------
    guarantee
        Of the worker.
    scores
        How many events had theirs counted.
    milliseconds
        One for each of ``PERCENTILES``.
    """

    guarantee: str
    scores: int
    milliseconds: list[float]

    def line(self, rate: float) -> str:
        """A row of the table."""
        cells = [f"{value:,.0f}" for value in self.milliseconds]
        return f"| {self.guarantee} | {rate:,.0f} | {self.scores:,} | {' | '.join(cells)} |"


def measured(folder: Path, broker: str, guarantee: str, rate: float, seconds: float) -> Figures:
    """What is waited with a guarantee."""
    settings = Settings(
        brokers=broker, prefix=guarantee, partitions=PARTITIONS, guarantee=guarantee
    )
    waits = observed(Cluster(settings, folder / guarantee), rate, seconds)
    found = waits.seconds(min(waits.due.values()) + WARM_UP)
    return Figures(guarantee, len(found), (np.percentile(found, PERCENTILES) * 1000).tolist())


def observed(cluster: Cluster, rate: float, seconds: float) -> Waits:
    """What is waited for the scores of a worker of its own."""
    cluster.folder.mkdir()
    cluster.create_topics()
    cluster.send(snapshots(), cluster.topics.models)
    worker = cluster.worker(CONFIG, session_timeout="20", snapshot_every="5").start().wait_ready()
    try:
        return asyncio.run(follow(cluster, rate, seconds))
    finally:
        worker.stop()


def run(given: float | None, seconds: float) -> tuple[float, list[Figures]]:
    """The load, and what is waited with each guarantee; prints a table."""
    heads = " | ".join(f"p{one:g}, ms" if one < 100 else "most, ms" for one in PERCENTILES)
    print(f"| guarantee | events/s | scores | {heads} |\n| --- |" + " ---: |" * 7)
    figures = []
    with tempfile.TemporaryDirectory() as folder, apache_kafka(Path(folder) / "kafka") as broker:
        rate = warmed(Path(folder), broker.address, given)
        for guarantee in ("exactly_once", "at_least_once"):
            spent = broker_cpu(broker)
            figures.append(measured(Path(folder), broker.address, guarantee, rate, seconds))
            each = (broker_cpu(broker) - spent) / (rate * seconds) * 1e6
            print(figures[-1].line(rate), f"broker: {each:.0f} us of CPU an event", flush=True)
    return rate, figures


def warmed(folder: Path, broker: str, given: float | None) -> float:
    """The load to measure, once the broker has seen one: what was said, or half of the machine."""
    busy = 0.0
    for turn, rate in enumerate([given] if given else [RATE, RATE]):
        settings = Settings(brokers=broker, prefix=f"warm-up-{turn}", partitions=PARTITIONS)
        busy = observed(Cluster(settings, folder / settings.prefix), rate, BROKER_WARM_UP).busy
    return given or round(RATE * 0.5 / busy, -2)


def times_of_machine() -> tuple[int, int]:
    """Ticks that the processors of the machine have been idle, and all."""
    fields = [int(one) for one in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)


def broker_cpu(broker: Broker) -> float:
    """Seconds of CPU that a broker's process has taken."""
    assert broker.process is not None
    fields = Path(f"/proc/{broker.process.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def rows_of(figures: list[Figures], rate: float) -> list[Row]:
    """What was found beside what was asked for."""
    p50, _, p99, *_ = figures[0].milliseconds
    return [
        Row("P5", f"event to score delivered, p50 / p99, exactly once, {rate:,.0f} events/s: the "
            "load that keeps half of the machine busy, with broker, sender and reader",
            "50 / 250 ms", f"{p50:.0f} / {p99:.0f} ms", p50 <= 50.0 and p99 <= 250.0,
            "python -m benchmarks.latency"),
    ]  # fmt: skip


def main() -> None:
    given = float(sys.argv[1]) if len(sys.argv) > 1 else None
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    rate, figures = run(given, seconds)
    if given is None:  # another load is not the one that the aim is of
        tell(rows_of(figures, rate))


if __name__ == "__main__":
    main()
