"""Workers as processes of their own, and what is in the topics."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from streams.admin import admin_client, create_topics
from streams.processes import free_port, penchant, start, stop
from streams.settings import Settings
from streams.topics import Topics, topics_of, wanted_topics

#: Seconds that anything may take on a busy machine.
PATIENCE = 180.0
#: The client that sends a test's records.
LOAD = "load"


def until(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Wait until a condition holds; fails with what was waited for."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {patience:.0f} s for {what}")


@dataclass
class Worker:
    """A worker in a process of its own.

    Parameters
    ----------
    config
        Path of its configuration.
    environment
        Its settings.
    log
        Where its output goes.
    """

    config: Path
    environment: Mapping[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    #: What to start instead of ``penchant worker``.
    program: Sequence[str] = ()

    def start(self) -> Worker:
        """Start it, for the first time or again."""
        more = {"PENCHANT_WEB_PORT": str(self.port)}
        arguments = [*(self.program or penchant("worker")), str(self.config)]
        self.process = start(arguments, self.log, {**self.environment, **more})
        return self

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it without asking."""
        self.send_signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        return stop(self.process, 60.0) if self.process is not None else 0

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def wait_ready(self) -> Worker:
        """Wait until it has recovered."""

        def ready() -> bool:
            assert self.alive, self.log.read_text()[-4000:]
            return self.get("/readyz") is not None

        until(ready, f"the worker to be ready; {self.log}")
        return self

    def get(self, path: str) -> str | None:
        """What it serves; None when it does not."""
        try:
            url = f"http://127.0.0.1:{self.port}{path}"
            with urllib.request.urlopen(url, timeout=5) as answer:
                text: str = answer.read().decode()
                return text
        except (urllib.error.URLError, OSError):
            return None

    def metrics(self, *names: str) -> dict[str, float]:
        """Its metrics, or those that are named, which costs it less: name with labels -> value."""
        asked = "&".join(f"name[]={name}" for name in names)
        text = self.get(f"/metrics?{asked}") or ""
        return {
            sample.name + "".join(f"/{value}" for value in sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


def cpu_seconds(shown: Mapping[str, float]) -> float:
    """Seconds of CPU that a worker and its trainers have taken, by its metrics."""
    names = "process_cpu_seconds_total", "penchant_trainers_process_cpu_seconds_total"
    return sum(shown.get(name, 0.0) for name in names)


@dataclass
class Cluster:
    """A broker with the topics of one prefix.

    Parameters
    ----------
    settings
        Where it is.
    folder
        For configurations and logs.
    """

    settings: Settings
    folder: Path
    workers: list[Worker] = field(default_factory=list)

    @property
    def topics(self) -> Topics:
        """The names of the topics."""
        return topics_of(self.settings)

    def create_topics(self) -> Cluster:
        """Create all topics."""
        with admin_client(self.settings) as client:
            create_topics(client, self.settings, wanted_topics(self.settings))
        return self

    def worker(self, config: str, **settings: str) -> Worker:
        """A worker for a configuration, not yet started."""
        path = self.folder / "goals.yaml"
        path.write_text(config)
        number = len(self.workers)
        environment = {
            "PENCHANT_BROKERS": self.settings.brokers,
            "PENCHANT_PREFIX": self.settings.prefix,
            "PENCHANT_PARTITIONS": str(self.settings.partitions),
            "PENCHANT_GUARANTEE": self.settings.guarantee,
            "PENCHANT_DATA_DIR": str(self.folder / f"data{number}"),
            "PENCHANT_SESSION_TIMEOUT": "6",
            "PENCHANT_SNAPSHOT_EVERY": "0.3",
        } | {f"PENCHANT_{name.upper()}": value for name, value in settings.items()}
        worker = Worker(path, environment, self.folder / f"worker{number}.log")
        self.workers.append(worker)
        return worker

    def stop(self) -> None:
        """End all workers without asking; who wants to see one stop asks it before."""
        for worker in self.workers:
            if worker.alive:
                worker.kill()

    def send(
        self,
        records: Iterable[tuple[bytes | None, bytes | None]],
        topic: str = "",
        pause: float = 0.0,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> int:
        """Send records to the events topic, or another; returns how many.

        Parameters
        ----------
        records
            Keys and values.
        topic
            Where to.
        pause
            Seconds between two records, on average.
        headers
            Of every one of them.
        """
        return asyncio.run(self._send(records, topic or self.topics.events, pause, headers))

    async def _send(
        self,
        records: Iterable[tuple[bytes | None, bytes | None]],
        topic: str,
        pause: float,
        headers: Sequence[tuple[str, bytes]],
    ) -> int:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.brokers, linger_ms=20, max_batch_size=256 * 1024,
            client_id=LOAD,
        )  # fmt: skip
        await producer.start()
        count, started = 0, time.monotonic()
        try:
            for key, value in records:
                ahead = count * pause - (time.monotonic() - started)
                if ahead > 0.05:
                    await asyncio.sleep(ahead)
                await producer.send(topic, key=key, value=value, headers=headers)
                count += 1
        finally:
            await producer.stop()
        return count

    def read(self, topic: str) -> list[ConsumerRecord[bytes, bytes]]:
        """Everything that is committed in a topic, partition by partition."""
        return asyncio.run(self._read(topic))

    async def _read(self, topic: str) -> list[ConsumerRecord[bytes, bytes]]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.brokers, group_id=None, enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level=(
                "read_committed" if self.settings.guarantee == "exactly_once"
                else "read_uncommitted"
            ),
        )  # fmt: skip
        await consumer.start()
        try:
            found = await consumer._client.fetch_all_metadata()
            numbers = found.partitions_for_topic(topic) or set()
            partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
            return [record async for record in _committed(consumer, partitions)]
        finally:
            await consumer.stop()

    def committed(self) -> dict[int, int]:
        """The committed offsets of the events topic, by partition."""
        with admin_client(self.settings) as client:
            found = client.list_group_offsets(self.settings.prefix)[self.settings.prefix]
        return {
            place.partition: offset.offset
            for place, offset in found.items()
            if place.topic == self.topics.events
        }


async def _committed(consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> Any:
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    ends = await consumer.end_offsets(partitions)
    left = {place for place in partitions if ends[place] > 0}
    while left:
        fetched = await consumer.getmany(*left, timeout_ms=500)
        for records in fetched.values():
            for record in records:
                yield record
        left = {place for place in left if await consumer.position(place) < ends[place]}


def keyed(events: Iterable[Mapping[str, Any]]) -> Iterator[tuple[bytes, bytes]]:
    """Events as keyed records."""
    for event in events:
        yield str(event["profile_id"]).encode(), orjson.dumps(event)
