"""Batches: what aiokafka would have put into them record by record, in half the time."""

from __future__ import annotations

import time
from typing import Any

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given
from hypothesis import strategies as st

from streams.batches import Batch, Headers, Outgoing, filled

ROOM = 400
BYTES = st.binary(max_size=150)
HEADERS = st.lists(st.tuples(st.text(max_size=5), BYTES), max_size=2)
Record = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]
RECORDS = st.lists(st.tuples(st.none() | BYTES, st.none() | BYTES, HEADERS))


def parted(records: list[Record]) -> tuple[list[Outgoing], list[Headers]]:
    """Records, and their headers where there are any."""
    headers: list[Headers] = [own for *_, own in records]
    return [(key, value) for key, value, _ in records], headers if any(headers) else []


def one_by_one(batch: Any, records: list[Record], now: int) -> int:
    """The plain statement of filling a batch."""
    for number, (key, value, headers) in enumerate(records):
        if batch.append(timestamp=now, key=key, value=value, headers=headers) is None:
            return number
    return len(records)


def contents(batch: Any) -> list[tuple[Any, ...]]:
    found = DefaultRecordBatch(bytes(batch._build()))
    return [(one.offset, one.key, one.value, one.headers) for one in found]


@given(RECORDS, st.booleans())
def test_a_batch_is_filled_as_record_by_record(records: list[Record], transactional: bool) -> None:
    ours = Batch(ROOM, 0, is_transactional=transactional)
    plain = BatchBuilder(ROOM, 0, is_transactional=transactional)
    assert ours.fill(*parted(records)) == one_by_one(plain, records, 1_000)
    assert ours.record_count() == plain.record_count()
    assert (ours.size(), ours.closed()) == (plain.size(), plain.closed())
    assert contents(ours) == contents(plain)


def test_the_records_of_a_batch_have_the_time_at_which_it_was_filled() -> None:
    batch = Batch(ROOM, 0)
    before = int(time.time() * 1000)
    batch.fill([(b"k", b"1"), (b"k", b"2")])
    found = [record.timestamp for record in DefaultRecordBatch(bytes(batch._build()))]
    assert before <= found[0] == found[1] <= time.time() * 1000


class Producer:
    """Makes batches of a size."""

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(ROOM, 0)


@given(RECORDS)
def test_batches_have_every_record_once_and_in_order(records: list[Record]) -> None:
    producer: Any = Producer()
    batches = [contents(batch) for batch in filled(producer, *parted(records))]
    assert all(batches)
    assert [one[1:] for batch in batches for one in batch] == records
