"""What is an event and what is refused, and why."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.config.schema import LimitsPart
from models.errors import InvalidEvent
from models.events.parsing import REASONS, check_skew, parse_event
from models.events.schema import ExperienceEvent
from models.events.times import EARLIEST, LATEST, format_time, parse_time
from tests.support.factories import START, event

LIMITS = LimitsPart()


def refusal(value: bytes, limits: LimitsPart = LIMITS) -> tuple[str, str]:
    with pytest.raises(InvalidEvent) as caught:
        parse_event(value, limits)
    assert caught.value.reason in REASONS
    return caught.value.reason, caught.value.message


def changed(**parts: Any) -> bytes:
    return orjson.dumps(event() | parts)


def without(name: str) -> bytes:
    return orjson.dumps({key: value for key, value in event().items() if key != name})


def deep(levels: int) -> Any:
    return {"a": deep(levels - 1)} if levels else 1


WRONG = [
    (b"\xff\xfe", "not_json"),
    (b"{", "not_json"),
    (b"", "not_json"),
    (b'{"a": NaN}', "not_json"),
    (b'{"event_id": "\\ud800"}', "not_json"),
    (b"[]", "not_an_object"),
    (b'"text"', "not_an_object"),
    (b"null", "not_an_object"),
    *[(without(name), "missing_field") for name in ("event_id", "profile_id", "timestamp", "type")],
    (changed(type=None), "missing_field"),
    (changed(event_id=7), "wrong_type"),
    (changed(profile_id=["p"]), "wrong_type"),
    (changed(properties=[1]), "wrong_type"),
    (changed(properties="x"), "wrong_type"),
    (changed(type=""), "bad_text"),
    (changed(type="a\nb"), "bad_text"),
    (changed(profile_id="p\x00"), "bad_text"),
    (changed(type="x" * 5_000), "bad_text"),
    (changed(timestamp="2026-01-01T00:00:00"), "bad_timestamp"),
    (changed(timestamp="yesterday"), "bad_timestamp"),
    (changed(timestamp="0001-01-01T00:00:00Z"), "bad_timestamp"),
    (changed(timestamp="9999-12-31T23:59:59Z"), "bad_timestamp"),
    (changed(timestamp=-1), "bad_timestamp"),
    (changed(timestamp=0), "bad_timestamp"),
    (changed(timestamp=START // 1000), "bad_timestamp"),
    (changed(timestamp=10**18), "bad_timestamp"),
    (changed(timestamp=1.5), "bad_timestamp"),
    (changed(timestamp=True), "bad_timestamp"),
    (changed(properties=deep(40)), "too_deep"),
    (changed(properties={"a": "x" * 300_000}), "too_large"),
]


@pytest.mark.parametrize(
    "value",
    [changed(properties={"a": "x" * 10_000_000}), changed(type="x" * 1_000_000), b"[" * 10_000_000],
    ids=["10 MB of properties", "a type of 1 MB", "10 MB of brackets"],
)
def test_what_is_far_too_large_is_refused_for_its_size_alone(value: bytes) -> None:
    assert refusal(value)[0] == "too_large"


@pytest.mark.parametrize(("value", "reason"), WRONG, ids=range(len(WRONG)))
def test_what_is_not_an_event_is_refused_with_its_reason(value: bytes, reason: str) -> None:
    found, message = refusal(value)
    assert found == reason
    assert 0 < len(message) < 200


def test_the_message_never_holds_the_payload() -> None:
    secret = "s3cret"  # noqa: S105 - not one
    for value in (changed(event_id=7, note=secret), changed(timestamp=secret, note=secret)):
        assert secret not in refusal(value)[1]


def test_properties_may_be_as_deep_as_the_limit() -> None:
    assert parse_event(changed(properties=deep(32)), LIMITS).fields["properties"]


def test_properties_left_out_or_null_are_empty() -> None:
    assert parse_event(without("properties"), LIMITS).fields["properties"] == {}
    assert parse_event(changed(properties=None), LIMITS).fields["properties"] == {}


def test_an_event_further_ahead_of_its_record_than_the_skew_is_refused() -> None:
    one = parse_event(changed(), LIMITS)
    check_skew(one, START - 1_000, 1_000)
    check_skew(one, None, 0)
    with pytest.raises(InvalidEvent, match="future"):
        check_skew(one, START - 1_001, 1_000)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "event_id": st.text(max_size=4) | JSON,
        "profile_id": st.text(max_size=4) | JSON,
        "type": st.text(max_size=4) | JSON,
        "timestamp": st.integers(-5, LATEST + 5) | st.datetimes().map(str) | JSON
        | st.datetimes(timezones=st.timezones()).map(lambda one: one.isoformat()),
        "properties": st.dictionaries(st.text(max_size=3), JSON, max_size=2) | JSON,
    },
)  # fmt: skip


@given(NEARLY)
@settings(max_examples=400, deadline=None)
def test_the_fast_path_accepts_what_the_schema_accepts(fields: dict[str, Any]) -> None:
    value = orjson.dumps(fields)
    try:
        ExperienceEvent.model_validate_json(value)
        by_schema = True
    except ValidationError:
        by_schema = False
    try:
        parse_event(value, LIMITS)
        by_parser = True
    except InvalidEvent:
        by_parser = False
    assert by_parser == by_schema, value


@given(st.binary(max_size=60))
@settings(max_examples=300)
def test_no_bytes_do_more_than_be_refused(value: bytes) -> None:
    try:
        parse_event(value, LIMITS)
    except InvalidEvent as error:
        assert error.reason in REASONS


@given(st.integers(EARLIEST, LATEST - 1))
def test_a_written_time_reads_as_itself(millis: int) -> None:
    assert parse_time(format_time(millis)) == millis == parse_time(millis)


def test_zones_are_taken_into_account() -> None:
    assert parse_time("2026-01-01T02:00:00+02:00") == parse_time("2026-01-01T00:00:00Z")
