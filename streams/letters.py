"""Reading the dead-letter topic, and sending its letters to their source again, each once.

A replay writes a mark beside the letter, in the same transaction: a record of the same partition
with the header ``replayed_of``. Letters that have a mark are not sent again, whoever replays. The
producer has a transactional id of its own, so of two replays at a time the later one ends the
earlier one before it reads what is marked.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from streams.dead_letters import REPLAYED_FROM
from streams.producers import start_producer
from streams.security import client_options
from streams.settings import Settings
from streams.topics import topics_of

REPLAYED_OF = "replayed_of"
#: Letters in a transaction of a replay.
BATCH = 500
POLL_MS = 500

Place = tuple[int, int]


class Letter(NamedTuple):
    """A refused record.

    Parameters
    ----------
    place
        Partition and offset in the dead-letter topic.
    key, value
        As they came.
    headers
        Why it was refused, and where it came from.
    """

    place: Place
    key: bytes | None
    value: bytes | None
    headers: dict[str, str]

    @property
    def reason(self) -> str:
        """The code of the reason."""
        return self.headers.get("reason", "")

    @property
    def source(self) -> tuple[str, int]:
        """Topic and partition it came from."""
        return self.headers.get("source_topic", ""), int(self.headers.get("source_partition", -1))

    def why_not(self, sources: Iterable[str]) -> str | None:
        """Why it cannot be sent again; None if it can."""
        if "truncated" in self.headers or "truncated_key" in self.headers:
            return "it was too large to be kept whole"
        topic, partition = self.source
        if topic not in sources or partition < 0:
            return f"it is not from a topic that is read ({topic or 'no source'})"
        return None


class Replay(NamedTuple):
    """What became of a replay."""

    sent: int
    before: int
    impossible: list[tuple[Place, str]]


async def read_letters(settings: Settings) -> tuple[list[Letter], set[Place]]:
    """Every letter that there is, and the places of those that were sent again."""
    letters: list[Letter] = []
    replayed: set[Place] = set()
    async for record in _read(settings):
        headers = {name: value.decode(errors="replace") for name, value in record.headers}
        if REPLAYED_OF in headers:
            replayed.add((record.partition, int(headers[REPLAYED_OF])))
        else:
            place = (record.partition, record.offset)
            letters.append(Letter(place, record.key, record.value, headers))
    letters.sort(key=lambda letter: (letter.headers.get("failed_at", ""), letter.place))
    return letters, replayed


async def _read(settings: Settings) -> AsyncIterator[Any]:
    isolation = "read_committed" if settings.guarantee == "exactly_once" else "read_uncommitted"
    topic = topics_of(settings).dlq
    consumer = AIOKafkaConsumer(
        topic, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest",
        isolation_level=isolation, **client_options(settings),
    )  # fmt: skip
    await consumer.start()
    try:
        numbers: set[int] = consumer.partitions_for_topic(topic) or set()
        left = {TopicPartition(topic, number) for number in numbers}
        ends = await consumer.end_offsets(left)
        while left := {place for place in left if await consumer.position(place) < ends[place]}:
            for records in (await consumer.getmany(*left, timeout_ms=POLL_MS)).values():
                for record in records:
                    yield record
    finally:
        await consumer.stop()


async def replay(
    settings: Settings, wanted: Callable[[Letter], bool], most: int | None = None
) -> Replay:
    """Send letters to their source again, each once, marked as sent.

    Parameters
    ----------
    settings
        The place.
    wanted
        Which letters.
    most
        How many of them, at most.
    """
    async with _producer(settings) as producer:
        letters, replayed = await read_letters(settings)  # nobody else writes marks from here on
        chosen = [letter for letter in letters if wanted(letter)]
        fresh = [letter for letter in chosen if letter.place not in replayed]
        sources = topics_of(settings).sources
        why = [(letter.place, letter.why_not(sources)) for letter in fresh]
        impossible = [(place, reason) for place, reason in why if reason is not None]
        refused = {place for place, _ in impossible}
        sendable = [letter for letter in fresh if letter.place not in refused][:most]
        for start in range(0, len(sendable), BATCH):
            await _send(producer, settings, sendable[start : start + BATCH])
    return Replay(len(sendable), len(chosen) - len(fresh), impossible)


@asynccontextmanager
async def _producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    transactional = settings.guarantee == "exactly_once"
    producer = AIOKafkaProducer(
        transactional_id=f"{settings.prefix}-dlq-replay" if transactional else None,
        acks="all", max_request_size=1_048_576, **client_options(settings),
    )  # fmt: skip
    await start_producer(producer)
    try:
        yield producer
    finally:
        await producer.stop()


async def _send(producer: AIOKafkaProducer, settings: Settings, letters: Sequence[Letter]) -> None:
    """Send letters and their marks: together, or where that is not possible, marks last."""
    if settings.guarantee == "exactly_once":
        async with producer.transaction():
            await _deliver(producer, settings, letters)
    else:
        await _deliver(producer, settings, letters)


async def _deliver(
    producer: AIOKafkaProducer, settings: Settings, letters: Sequence[Letter]
) -> None:
    dlq, run = topics_of(settings).dlq, uuid.uuid4().hex.encode()
    sent = []
    for letter in letters:
        topic, partition = letter.source
        came_from = [(REPLAYED_FROM, b"%d/%d" % letter.place), ("replay", run)]
        sent.append(
            await producer.send(
                topic, letter.value, letter.key, partition=partition, headers=came_from
            )
        )
    for delivery in sent:
        await delivery
    marks = []
    for letter in letters:
        number, offset = letter.place
        mark = [(REPLAYED_OF, b"%d" % offset), ("replay", run)]
        marks.append(await producer.send(dlq, b"", letter.key, partition=number, headers=mark))
    for delivery in marks:
        await delivery
