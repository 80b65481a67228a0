"""Records on their way out, in prebuilt batches."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from msgspec import Struct

Headers = Sequence[tuple[str, bytes]]
NO_HEADERS: list[tuple[str, bytes]] = []


class Outgoing(Struct, frozen=True, gc=False):
    """A record on its way out."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Batch(BatchBuilder):  # type: ignore[misc] # aiokafka's has no types
    """A producer's batch that takes many records at once."""

    def fill(self, records: Sequence[Outgoing]) -> int:
        """Append records to an empty batch as long as it takes them, the first in any case.

        As ``append`` does one by one, in half the time: a batch has one moment, and of what we
        send nothing is left to be encoded.

        Returns
        -------
        How many it took.
        """
        append, now = self._builder.append, int(time.time() * 1000)
        number = 0
        for record in records:
            headers = list(record.headers) if record.headers else NO_HEADERS
            if append(number, now, record.key, record.value, headers) is None:
                self.close()
                break
            number += 1
        self._relative_offset = number
        return number


def filled(producer: AIOKafkaProducer, records: Sequence[Outgoing]) -> Iterator[Batch]:
    """Batches of a producer with these records, in order; none where there are none."""
    left = records
    while left:
        batch = producer.create_batch()
        batch.__class__ = Batch
        taken = batch.fill(left)
        yield batch
        left = left[taken:]
