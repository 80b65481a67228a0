"""Dead letters: refused records as they came, and why."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from models.step import Refusal
from streams.batches import Headers, Outgoing
from streams.checkpoint import Output

#: Key and value longer than this together are cut: the broker would refuse the letter otherwise.
LONGEST = 900_000
LONGEST_KEY = 100_000
#: Characters of a message, which may name what a stranger has sent.
LONGEST_MESSAGE = 1_000
#: Of a letter that was sent to its source again: where it lay, ``partition/offset``.
REPLAYED_FROM = "replayed_from"


def dead_letters(
    topic: str, source_topic: str, partition: int, refused: Iterable[Refusal], now: datetime
) -> Output:
    """The records of the dead-letter topic for refused ones.

    Parameters
    ----------
    topic
        The dead-letter topic.
    source_topic, partition
        Where the records came from; letters go to the partition of the same number.
    refused
        The records with reason and message.
    now
        Wall clock, for ``failed_at``.
    """
    failed_at = now.isoformat(timespec="milliseconds").encode()
    about = [
        ("source_topic", source_topic.encode()),
        ("failed_at", failed_at),
        ("source_partition", b"%d" % partition),
    ]
    letters = [_letter(refusal, about) for refusal in refused]
    return Output(
        topic, partition, [record for record, _ in letters], [headers for _, headers in letters]
    )  # fmt: skip


def _letter(refusal: Refusal, about: Headers) -> tuple[Outgoing, Headers]:
    record = refusal.record
    headers = [
        ("reason", refusal.reason.encode()),
        ("message", refusal.message[:LONGEST_MESSAGE].encode(errors="replace")),
        ("source_offset", b"%d" % record.offset),
        *about,
    ]
    headers += [
        (name, value[:100])
        for name, value in getattr(record, "headers", ())
        if name == REPLAYED_FROM and value
    ][:1]
    key, value = record.key, record.value
    if key is not None and len(key) > LONGEST_KEY:
        headers.append(("truncated_key", b"%d" % len(key)))
        key = key[:LONGEST_KEY]
    room = LONGEST - len(key or b"")
    if value is not None and len(value) > room:
        headers.append(("truncated", b"%d" % len(value)))
        value = value[:room]
    return (key, value), headers
