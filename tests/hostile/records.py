"""Records that nobody would send on purpose, and some that somebody would."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import orjson
from hypothesis import strategies as st

from models.step import PlainRecord
from tests.support.factories import START, event

#: When Kafka took every record.
TAKEN = START + 86_400_000

STRANGE = [
    "", " ", "\x00", "\n", "a\nb", "\x7f", "\u2028",
    "\ud800".encode("utf-16", "surrogatepass").hex(), "x" * 1_024, "x" * 1_025, "x" * 70_000,
    "é" * 1_024, "\U0001f980" * 1_024, "a/b", "/", "//", "=", "event/basket", "named/big",
    "other", "profile", "attribute/plan=gold", "count_7d", "churn/p1", "null", "NaN", "%s", "{0}",
    "'", '"', "\\", "\u202e", "\ufeff", "\ufffe", "\U0010ffff", "a\tb", "..", "-1",
]  # fmt: skip
NUMBERS: list[Any] = [
    0, -0.0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1, 1e308, -1e308, 5e-324, 1.5,
    1e-300,
]  # fmt: skip
TIMES: list[Any] = [
    *NUMBERS, True, None, "", "now", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", START,
    str(START), "9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00:00+23:59",
    "2026-01-01T00:00:00", "2026-01-01", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z",
    "2026-W01-1T00:00:00Z", "x" * 100_000, START + 10**12, "2023-11-14T22:13:20.123456789+00:00",
    "2023-11-14T22:13:20Z\x00", [START], {"$date": START}, START / 1000,
]  # fmt: skip
VALUES: list[Any] = [
    *NUMBERS, *STRANGE, None, True, False, [], {}, [[]], [None], [1e308] * 4, ["x"] * 1_000,
    {"a": {"b": {}}}, {"": ""}, [{"amount": 1}, {"amount": "x"}],
]  # fmt: skip
RAW = [
    None, b"", b"\xff", b"\xff\xfe{", b"\xef\xbb\xbf{}", b"{", b"[]", b"null", b"0", b'"x"',
    b"{}", b"NaN", b'{"a":1,}', b"\x00" * 1_000, b"[" * 100_000, b'{"a":' * 100_000,
    b"9" * 100_000, b"1e999", b'{"event_id":"\\ud800","profile_id":"p","timestamp":1,"type":"t"}',
    b'{"x":NaN}', b'{"x":Infinity}',
    b'{"event_id":"e","event_id":null,"profile_id":"p1","timestamp":1,"type":"t"}',
    b"!!python/object:os", b"&a [*a]", b"<!DOCTYPE x>", b"\x1f\x8b\x08",
    b'"' + b"x" * 300_000 + b'"',
]  # fmt: skip
KEYS = [None, b"", b"\x00clock", b"\xff\xfe", b"\x00", b"p1\x00", b"k" * 5_000, b"a/b", b"p2"]


def deep(levels: int) -> Any:
    """A value nested so many levels."""
    value: Any = 1
    for level in range(levels):
        value = {"a": value} if level % 2 else [value]
    return value


class Hostile:
    """Draws hostile records, the same for the same source of choices.

    Parameters
    ----------
    choose
        Chooses one of a list.
    """

    def __init__(self, choose: Any) -> None:
        self._choose = choose
        self._numbers = itertools.count()

    def record(self, offset: int) -> PlainRecord:
        """One record, sometimes a good one."""
        form = self._choose(["raw", "field", "field", "properties", "key", "erase", "type", "good"])
        key, value = getattr(self, f"_{form}")()
        taken = self._choose([TAKEN, TAKEN, TAKEN, None, -1, 0, 2**62])
        return PlainRecord(key, value, offset, taken)

    def _event(self, **parts: Any) -> dict[str, Any]:
        number = next(self._numbers)
        profile = self._choose(["p1", "p2", "é/ü", "p" * 1_024, "\U0001f980"])
        at = START + self._choose([0, 1, 3_600_000, 40 * 86_400_000, -86_400_000]) + number
        return event(profile, at, properties={"amount": 5}, event_id=f"h{number}") | parts

    def _raw(self) -> tuple[bytes | None, bytes | None]:
        return self._choose([b"p1", *KEYS]), self._choose(RAW)

    def _field(self) -> tuple[bytes | None, bytes | None]:
        name = self._choose(["event_id", "profile_id", "timestamp", "type", "properties", "more"])
        values = TIMES if name == "timestamp" else VALUES
        fields = self._event(**{name: self._choose(values)})
        return self._key_of(fields), dumped(fields)

    def _properties(self) -> tuple[bytes | None, bytes | None]:
        value = self._choose([*VALUES, deep(32), deep(33), deep(900), {"b": deep(31)}])
        name = self._choose(["amount", "plan", "age", "items", ""])
        fields = self._event(properties={name: value})
        return self._key_of(fields), dumped(fields)

    def _type(self) -> tuple[bytes | None, bytes | None]:
        """Of the longest types that are allowed, always another one."""
        letter = self._choose(["x", "é", "\U0001f980"])
        fields = self._event(type=f"{next(self._numbers)}".ljust(1_024, letter))
        return self._key_of(fields), dumped(fields)

    def _key(self) -> tuple[bytes | None, bytes | None]:
        return self._choose(KEYS), dumped(self._event())

    def _erase(self) -> tuple[bytes | None, bytes | None]:
        return self._choose([b"p1", *KEYS]), None

    def _good(self) -> tuple[bytes | None, bytes | None]:
        fields = self._event()
        return self._key_of(fields), dumped(fields)

    @staticmethod
    def _key_of(fields: dict[str, Any]) -> bytes | None:
        profile = fields["profile_id"]
        return profile.encode() if isinstance(profile, str) else b"p1"


def dumped(fields: dict[str, Any]) -> bytes:
    """JSON, without end where orjson cannot go as deep."""
    try:
        return orjson.dumps(fields)
    except orjson.JSONEncodeError:
        return b'{"properties":' * 2_000


@st.composite
def hostile_logs(draw: Any, most: int = 25) -> list[PlainRecord]:
    """A log of hostile records."""
    hostile = Hostile(lambda options: draw(st.sampled_from(options)))
    return [hostile.record(offset) for offset in range(draw(st.integers(1, most)))]


def hostile_records(seed: int) -> Iterator[PlainRecord]:
    """Hostile records without end."""
    hostile = Hostile(random.Random(seed).choice)  # noqa: S311 - the same ones every time
    return map(hostile.record, itertools.count())
