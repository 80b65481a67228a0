"""Dead letters: the bytes as they came, and in headers why and from where."""

from __future__ import annotations

from datetime import UTC, datetime

from models.step import PlainRecord, Refusal
from streams.checkpoint import Output
from streams.dead_letters import LONGEST, LONGEST_KEY, LONGEST_MESSAGE, dead_letters

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


def letters(*refused: Refusal) -> Output:
    return dead_letters("shop.dlq", "shop.events", 3, refused, NOW)


def test_a_letter_says_why_and_where_from() -> None:
    output = letters(Refusal(PlainRecord(b"p1", b"{", 17), "not_json", "it ends too early"))
    assert (output.topic, output.partition) == ("shop.dlq", 3)
    (letter,) = output.records
    assert (letter.key, letter.value) == (b"p1", b"{")
    assert dict(letter.headers) == {
        "reason": b"not_json", "message": b"it ends too early", "source_topic": b"shop.events",
        "source_partition": b"3", "source_offset": b"17",
        "failed_at": b"2026-01-02T03:04:05.678+00:00",
    }  # fmt: skip


def test_bytes_go_as_they_came() -> None:
    raw = bytes(range(256))
    (letter,) = letters(Refusal(PlainRecord(None, raw, 0), "not_json", "not UTF-8")).records
    assert (letter.key, letter.value) == (None, raw)


def test_letters_keep_the_order_of_the_records() -> None:
    refused = [Refusal(PlainRecord(b"p", b"%d" % one, one), "not_json", "") for one in range(5)]
    assert [letter.value for letter in letters(*refused).records] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_value_that_the_broker_would_refuse_is_cut_and_says_so() -> None:
    """Key and value together have to fit."""
    room = LONGEST - len(b"p")
    whole = Refusal(PlainRecord(b"p", b"x" * room, 0), "too_large", "")
    longer = Refusal(PlainRecord(b"p", b"x" * (room + 7), 1), "too_large", "")
    first, second = letters(whole, longer).records
    assert "truncated" not in dict(first.headers)
    assert len(second.value or b"") == room
    assert dict(second.headers)["truncated"] == b"%d" % (room + 7)


def test_a_key_that_is_too_long_is_cut_and_says_so() -> None:
    (letter,) = letters(Refusal(PlainRecord(b"k" * 150_000, b"{", 0), "too_large", "")).records
    assert letter.key == b"k" * LONGEST_KEY
    assert letter.value == b"{"
    assert dict(letter.headers)["truncated_key"] == b"150000"


def test_a_message_that_names_what_a_stranger_sent_is_cut() -> None:
    """A field of an example may be called by a name of a megabyte."""
    (letter,) = letters(Refusal(PlainRecord(b"p", b"{", 0), "bad_example", "é" * 10**6)).records
    assert dict(letter.headers)["message"].decode() == "é" * LONGEST_MESSAGE


def test_an_erasure_that_was_refused_stays_one() -> None:
    (letter,) = letters(Refusal(PlainRecord(None, None, 0), "missing_key", "")).records
    assert letter.value is None


def test_a_message_with_any_text_fits_into_a_header() -> None:
    refusal = Refusal(PlainRecord(b"p", b"{", 0), "bad_text", "a lone \ud800 and é")
    (letter,) = letters(refusal).records
    assert dict(letter.headers)["message"].decode() == "a lone ? and é"
