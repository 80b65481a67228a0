"""Dead letters: the bytes as they came, and in headers why and from where."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from models.step import PlainRecord, Refusal
from streams.dead_letters import LONGEST, LONGEST_KEY, LONGEST_MESSAGE, dead_letters

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


class Letter(NamedTuple):
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]


def letters(*refused: Refusal) -> list[Letter]:
    output = dead_letters("shop.dlq", "shop.events", 3, refused, NOW)
    assert (output.topic, output.partition) == ("shop.dlq", 3)
    both = zip(output.records, output.headers, strict=True)
    return [Letter(key, value, dict(headers)) for (key, value), headers in both]


def test_a_letter_says_why_and_where_from() -> None:
    (letter,) = letters(Refusal(PlainRecord(b"p1", b"{", 17), "not_json", "it ends too early"))
    assert (letter.key, letter.value) == (b"p1", b"{")
    assert letter.headers == {
        "reason": b"not_json", "message": b"it ends too early", "source_topic": b"shop.events",
        "source_partition": b"3", "source_offset": b"17",
        "failed_at": b"2026-01-02T03:04:05.678+00:00",
    }  # fmt: skip


def test_bytes_go_as_they_came() -> None:
    raw = bytes(range(256))
    (letter,) = letters(Refusal(PlainRecord(None, raw, 0), "not_json", "not UTF-8"))
    assert (letter.key, letter.value) == (None, raw)


def test_letters_keep_the_order_of_the_records() -> None:
    refused = [Refusal(PlainRecord(b"p", b"%d" % one, one), "not_json", "") for one in range(5)]
    assert [letter.value for letter in letters(*refused)] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_value_that_the_broker_would_refuse_is_cut_and_says_so() -> None:
    """Key and value together have to fit."""
    room = LONGEST - len(b"p")
    whole = Refusal(PlainRecord(b"p", b"x" * room, 0), "too_large", "")
    longer = Refusal(PlainRecord(b"p", b"x" * (room + 7), 1), "too_large", "")
    first, second = letters(whole, longer)
    assert "truncated" not in first.headers
    assert len(second.value or b"") == room
    assert second.headers["truncated"] == b"%d" % (room + 7)


def test_a_key_that_is_too_long_is_cut_and_says_so() -> None:
    (letter,) = letters(Refusal(PlainRecord(b"k" * 150_000, b"{", 0), "too_large", ""))
    assert letter.key == b"k" * LONGEST_KEY
    assert letter.value == b"{"
    assert letter.headers["truncated_key"] == b"150000"


def test_a_message_that_names_what_a_stranger_sent_is_cut() -> None:
    """A field of an example may be called by a name of a megabyte."""
    (letter,) = letters(Refusal(PlainRecord(b"p", b"{", 0), "bad_example", "é" * 10**6))
    assert letter.headers["message"].decode() == "é" * LONGEST_MESSAGE


def test_an_erasure_that_was_refused_stays_one() -> None:
    (letter,) = letters(Refusal(PlainRecord(None, None, 0), "missing_key", ""))
    assert letter.value is None


def test_a_message_with_any_text_fits_into_a_header() -> None:
    refusal = Refusal(PlainRecord(b"p", b"{", 0), "bad_text", "a lone \ud800 and é")
    (letter,) = letters(refusal)
    assert letter.headers["message"].decode() == "a lone ? and é"
