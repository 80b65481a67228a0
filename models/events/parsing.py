"""From the bytes of a record to an event, or to the reason why not.

A checked fast path: what it accepts and refuses is what the schema of
:class:`models.events.schema.ExperienceEvent` does, which a property test holds it to.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from models.config.schema import LimitsPart
from models.errors import InvalidEvent
from models.events.event import Event
from models.events.times import EARLIEST, LATEST, format_time, parse_time

#: Why a record is refused, by the code in the dead letter's ``reason`` header.
REASONS = {
    "too_large": "the record is larger than the limit",
    "missing_key": "the record has no key: events are keyed by profile id",
    "not_json": "the value is not UTF-8 JSON",
    "not_an_object": "the value is JSON, but not an object",
    "missing_field": "a field that every event has is not there",
    "wrong_type": "a field has the wrong type",
    "bad_text": "an id or a type is empty, too long or has control characters",
    "bad_timestamp": "the timestamp is not a time with a zone",
    "future": "the event is further ahead of its record than max_skew",
    "key_mismatch": "the record's key is not the event's profile id",
    "too_deep": "properties are nested too deeply",
}
FIELDS = ("event_id", "profile_id", "timestamp", "type")
#: Line separators and surrogates among them: a name has to survive any file and any terminal.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
TEXTS = ("event_id", "profile_id", "type")
#: What JSON calls what Python makes of it.
_KINDS = {
    type(None): "null", bool: "true or false", int: "number", float: "number", str: "string",
    list: "array",
}  # fmt: skip


def parse_event(value: bytes, limits: LimitsPart) -> Event:
    """Read one event.

    Raises
    ------
    InvalidEvent
        With a code of :data:`REASONS`.

    Examples
    --------
    >>> raw = b'{"event_id": "1", "profile_id": "p", "timestamp": 1767222000000, "type": "login"}'
    >>> parse_event(raw, LimitsPart()).at
    1767222000000
    """
    if len(value) > limits.record_bytes:
        raise InvalidEvent("too_large", f"{len(value):,} bytes, at most {limits.record_bytes:,}")
    try:
        fields = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise InvalidEvent("not_json", str(error)) from None
    if type(fields) is not dict:
        raise InvalidEvent("not_an_object", f"a JSON {_KINDS[type(fields)]}")
    # With no more brackets than levels there is no need to look how they are nested.
    brackets = value.count(b"{") + value.count(b"[")
    return _checked_event(fields, limits, brackets)


def _checked_event(fields: dict[str, Any], limits: LimitsPart, brackets: int) -> Event:
    """An event from its fields; see :func:`parse_event`."""
    get, longest = fields.get, limits.text
    event_id: Any = get("event_id")
    profile_id: Any = get("profile_id")
    kind: Any = get("type")
    if not (
        type(event_id) is type(profile_id) is type(kind) is str
        and 0 < len(event_id) <= longest
        and 0 < len(profile_id) <= longest
        and 0 < len(kind) <= longest
        and event_id.isprintable()
        and profile_id.isprintable()
        and kind.isprintable()
    ):
        _check_texts(fields, longest)
    stamp: Any = get("timestamp")
    at = stamp if type(stamp) is int and EARLIEST <= stamp < LATEST else _checked_time(stamp)
    properties = get("properties")
    if properties is None:
        fields["properties"] = {}
    elif type(properties) is not dict:
        raise InvalidEvent("wrong_type", f"properties: {type(properties).__name__}, not an object")
    elif brackets > limits.nesting and not _is_shallow(properties, limits.nesting):
        raise InvalidEvent("too_deep", f"properties nested deeper than {limits.nesting}")
    return Event(event_id, profile_id, at, kind, fields)


def check_key(key: bytes, limits: LimitsPart) -> None:
    """Refuse a key that no event could have: of a record that erases, it is all there is.

    Raises
    ------
    InvalidEvent
        Not UTF-8, too long, or with control characters.
    """
    try:
        text = key.decode()
    except UnicodeDecodeError:
        raise InvalidEvent("bad_text", "the key: not UTF-8") from None
    if len(text) > limits.text:
        raise InvalidEvent(
            "bad_text", f"the key: {len(text):,} characters, not 1 to {limits.text:,}"
        )
    if CONTROL.search(text):
        raise InvalidEvent("bad_text", "the key: a control character")


def check_skew(event: Event, recorded_at: int | None, max_skew: int) -> None:
    """Refuse an event that claims to come from the future.

    Raises
    ------
    InvalidEvent
        It is more than ``max_skew`` milliseconds ahead of its record's Kafka timestamp.
    """
    if recorded_at is not None and event.at > recorded_at + max_skew:
        raise InvalidEvent("future", f"{format_time(event.at)} in a record of {recorded_at}")


def _check_texts(fields: dict[str, Any], longest: int) -> None:
    """Say which text is wrong and why, if one is: not all that is unprintable is refused."""
    for name in FIELDS:
        if fields.get(name) is None:
            raise InvalidEvent("missing_field", name)
    for name in TEXTS:
        value = fields[name]
        if type(value) is not str:
            raise InvalidEvent("wrong_type", f"{name}: {type(value).__name__}, not text")
        if not value or len(value) > longest:
            raise InvalidEvent("bad_text", f"{name}: {len(value)} characters, not 1 to {longest}")
        if CONTROL.search(value):
            raise InvalidEvent("bad_text", f"{name}: a control character")


def _checked_time(value: Any) -> int:
    if value is None:
        raise InvalidEvent("missing_field", "timestamp")
    try:
        return parse_time(value)
    except ValueError as error:
        raise InvalidEvent("bad_timestamp", f"expected {error}") from None


def _is_shallow(value: Any, depth: int) -> bool:
    """Whether a JSON value is nested at most this deep; flat ones cost one pass."""
    for inner in value.values() if type(value) is dict else value:
        if type(inner) in (dict, list) and (depth == 1 or not _is_shallow(inner, depth - 1)):
            return False
    return True
