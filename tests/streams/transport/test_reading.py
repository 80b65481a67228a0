"""What is fetched is handed over as it was parsed, and says the same."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.fetcher import (
    READ_COMMITTED,
    Fetcher,
    FetchError,
    FetchResult,
    PartitionRecords,
)
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from faust.transport.drivers import aiokafka as driver
from hypothesis import given
from hypothesis import strategies as st

from streams.transport.reading import Fetched, ParsedRecords
from streams.transport.thread import RunConsumerThread
from tests.support.transport import Rig, run

PLACE = TopicPartition("log", 0)
FIELDS = ("key", "value", "offset", "timestamp", "timestamp_type")
ABORTED = 7


def batch(first: int, number: int, producer: int) -> bytes:
    """A batch of a producer's transaction, every third of its records a tombstone without time."""
    builder = DefaultRecordBatchBuilder(2, 0, 1, producer, 0, 0, 1 << 20)
    for one in range(number):
        builder.append(one, 1_000 + one, b"k%d" % one, None if one % 3 == 2 else b"v", [("h", b"")])
    packed = bytearray(builder.build())
    packed[:8] = first.to_bytes(8, "big")  # its offset stands before what the checksum is of
    return bytes(packed)


def fetched(sizes: list[int], aborted: set[int]) -> PartitionRecords:
    """What a broker has given: batches of so many records, some of them aborted."""
    packed, first, over = b"", 0, []
    for number, size in enumerate(sizes):
        if number in aborted:
            over.append((ABORTED + number, first))
        packed += batch(first, size, ABORTED + number)
        first += size
    return PartitionRecords(PLACE, MemoryRecords(packed), over, 0, None, None, True, READ_COMMITTED)


def drained(buffer: dict[Any, Any], records: PartitionRecords, most: int | None) -> list[Any]:
    """All records that aiokafka hands over, so many at a time, and the positions after each."""
    state = SimpleNamespace(paused=False, position=records.next_fetch_offset)
    state.consumed_to = lambda position: setattr(state, "position", position)
    assignment = SimpleNamespace(active=True, state_value=lambda _: state)
    buffer[PLACE] = FetchResult(PLACE, assignment=assignment, partition_records=records, backoff=0)
    found: list[Any] = []
    while buffer[PLACE].has_more():
        some = buffer[PLACE].getall(most)
        said = [[*(getattr(one, field) for field in FIELDS), *one.headers] for one in some]
        found.append((said, state.position))
    return found


@given(
    st.lists(st.integers(1, 5), max_size=4),
    st.sets(st.integers(0, 3)),
    st.none() | st.integers(1, 7),
)
def test_records_say_the_same_as_those_that_aiokafka_makes(
    sizes: list[int], aborted: set[int], most: int | None
) -> None:
    plain = drained({}, fetched(sizes, aborted), most)
    records = fetched(sizes, aborted)
    assert drained(Fetched(), records, most) == plain
    assert type(records) is ParsedRecords


def test_what_is_left_of_the_last_topic_comes_after_what_has_come_meanwhile() -> None:
    buffer = Fetched("events")
    places = [TopicPartition(topic, n) for n in range(2) for topic in ("events", "examples", "log")]
    for place in places:
        buffer[place] = object()
    assert list(buffer.keys()) == [
        *(place for place in places if place.topic != "events"),
        *(place for place in places if place.topic == "events"),
    ]
    assert list(Fetched().keys()) == []


def test_a_fetcher_asks_for_what_it_hands_over_by_its_keys() -> None:
    assert "for tp in list(self._records.keys()):" in inspect.getsource(Fetcher.fetched_records)


def test_an_error_is_kept_as_it_is() -> None:
    buffer = Fetched()
    buffer[PLACE] = error = FetchError(error=ValueError(), backoff=0)
    assert buffer[PLACE] is error


def test_the_worker_s_consumer_is_given_the_buffer_when_it_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def started(thread: Any) -> None:
        thread._consumer = SimpleNamespace(_fetcher=SimpleNamespace(_records={}))

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "on_start", started)

    async def test() -> None:
        thread: Any = RunConsumerThread(Rig().consumer)
        thread.thread_loop.close()  # nothing runs in it
        await thread.on_start()
        buffer = thread._consumer._fetcher._records
        assert (type(buffer), buffer._last) == (Fetched, thread.consumer.last)

    run(test)
