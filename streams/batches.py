"""Records on their way out, in prebuilt batches."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import repeat

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

#: Key and value.
Outgoing = tuple[bytes | None, bytes | None]
Headers = Sequence[tuple[str, bytes]]
NO_HEADERS: list[tuple[str, bytes]] = []


class Batch(BatchBuilder):  # type: ignore[misc] # aiokafka's has no types
    """A producer's batch that takes many records at once."""

    def fill(self, records: Sequence[Outgoing], headers: Sequence[Headers] = ()) -> int:
        """Append records to an empty batch as long as it takes them, the first in any case.

        As ``append`` does one by one, in half the time: a batch has one moment, and of what we
        send nothing is left to be encoded.

        Parameters
        ----------
        records
            Keys and values.
        headers
            Those of each record; none where no record has any.

        Returns
        -------
        How many it took.
        """
        append, now = self._builder.append, int(time.time() * 1000)
        lists = map(list, headers) if headers else repeat(NO_HEADERS)
        number = 0
        for (key, value), own in zip(records, lists, strict=False):
            if append(number, now, key, value, own) is None:
                self.close()
                break
            number += 1
        self._relative_offset = number
        return number


def filled(
    producer: AIOKafkaProducer, records: Sequence[Outgoing], headers: Sequence[Headers] = ()
) -> Iterator[Batch]:
    """Batches of a producer with these records, in order; none where there are none."""
    while records:
        batch = producer.create_batch()
        batch.__class__ = Batch
        taken = batch.fill(records, headers)
        yield batch
        records, headers = records[taken:], headers[taken:]
