"""What the demo sees of the worker: the same topics and metrics that any user would look at."""

from __future__ import annotations

import asyncio
import contextlib
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from streams.security import client_options
from streams.settings import Settings
from streams.topics import topics_of


@dataclass(slots=True)
class Seen:
    """Everything seen so far.

    Parameters
    ----------
    insights
        Goal -> its latest insight.
    scores
        ``goal/profile`` -> its latest score, as JSON.
    tickets
        Goal -> (T0, label, probability) of every example, corrected by reversals; once they have
        been read.
    metrics
        Name and labels of the worker's metrics -> value.
    read
        Records followed by topic.
    """

    insights: dict[str, dict[str, Any]] = field(default_factory=dict)
    scores: dict[str, bytes] = field(default_factory=dict)
    tickets: dict[str, dict[str, tuple[str, int, float | None]]] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    read: Counter[str] = field(default_factory=Counter)

    def total(self, name: str, **labels: str) -> float:
        """The sum of a metric over its labels, or over those given."""
        parts = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(
            value
            for key, value in self.metrics.items()
            if key.partition("{")[0] == name and all(part in key for part in parts)
        )


class Follower:
    """Reads insights, scores and examples, and the worker's metrics.

    Parameters
    ----------
    settings
        Where they are.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.topics = topics_of(settings)
        self.seen = Seen()

    async def run(self) -> None:
        """Follow scores, insights and metrics until cancelled."""
        await asyncio.gather(self._follow_topics(), self._follow_metrics())

    async def read_examples(self) -> None:
        """Read the examples that are there by now.

        They are wanted for the figures at the end alone: reading along would take as much of a
        processor as sending the events does, and the worker has two at most.
        """
        places = self._places(self.topics.examples)
        async with self._consumer(places) as consumer:
            ends = await consumer.end_offsets(places)
            while [place for place in places if await consumer.position(place) < ends[place]]:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    self._take_examples(records)

    async def _follow_topics(self) -> None:
        places = [*self._places(self.topics.scores), TopicPartition(self.topics.insights, 0)]
        async with self._consumer(places) as consumer:
            while True:
                fetched = await consumer.getmany(timeout_ms=200)
                for place, records in fetched.items():
                    self.seen.read[place.topic] += len(records)
                    if place.topic == self.topics.scores:
                        self._take_scores(records)
                    else:
                        self._take_insights(records)
                await asyncio.sleep(0)

    def _places(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for number in range(self.settings.partitions)]

    @contextlib.asynccontextmanager
    async def _consumer(self, places: list[TopicPartition]) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer of partitions, from their beginning."""
        consumer = AIOKafkaConsumer(
            group_id=None, enable_auto_commit=False, auto_offset_reset="earliest",
            max_poll_records=5_000, **client_options(self.settings),
        )  # fmt: skip
        await consumer.start()
        try:
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            yield consumer
        finally:
            await consumer.stop()

    def _take_scores(self, records: list[Any]) -> None:
        scores = self.seen.scores
        for record in records:
            if record.value is None:
                scores.pop(record.key.decode(), None)
            else:
                scores[record.key.decode()] = record.value

    def _take_insights(self, records: list[Any]) -> None:
        for record in records:
            if record.value is not None:  # of a goal that is no more
                self.seen.insights[record.key.decode()] = orjson.loads(record.value)

    def _take_examples(self, records: list[Any]) -> None:
        for record in records:
            one = orjson.loads(record.value)
            tickets = self.seen.tickets.setdefault(one["goal"], {})
            tickets[one["ticket_id"]] = (one["t0"], one["label"], one["probability"])

    async def _follow_metrics(self) -> None:
        url = f"http://{self.settings.web_host}:{self.settings.web_port}/metrics"
        while True:
            text = await asyncio.to_thread(_read, url)
            if text:
                self.seen.metrics = {
                    sample.name + _labels(sample.labels): sample.value
                    for family in text_string_to_metric_families(text)
                    for sample in family.samples
                }
            await asyncio.sleep(0.5)


def _labels(labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"


def _read(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own worker
            text: str = answer.read().decode()
            return text
    except (urllib.error.URLError, OSError):
        return ""
