"""The fast way to read an example reads what the schema does, and refuses what it refuses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple, replace

from models.errors import InvalidEvent
from models.goals import examples
from models.goals.examples import (
    LARGEST_INTEGER,
    Example,
    decode_by_schema,
    decode_example,
    encode_example,
)
from models.profiles.features import PROFILE_WIDTH, SOURCE_WIDTH, RawProfile

RAW = RawProfile(
    np.linspace(0.1, 9, PROFILE_WIDTH + SOURCE_WIDTH, dtype=np.float32),
    ("event/basket",),
    {"plan": "gold", "age": 41.0},
)
EXAMPLE = Example(
    "churn", "v1", "p1", 1_767_222_000_000, 1_767_308_400_000, 1, 0.25, 7, RAW, "outcome", 2, 40
)
FIELDS: dict[str, Any] = orjson.loads(encode_example(EXAMPLE))

#: What no encoder of ours writes, and what another one might.
ODD = st.sampled_from(
    [
        None, True, False, 0, 1, -1, 2, 1.0, 0.0, -0.0, 1.5, 1e29, 1e30, -1e30, 65_535, 65_536,
        LARGEST_INTEGER, LARGEST_INTEGER + 1, -LARGEST_INTEGER - 1, 2**64 - 1, "", "1", "0.5",
        "outcome", "reversal", "2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00+02:00",
        "1960-01-01T00:00:00Z", "é\u2028", [], [1], {}, {"partition": 0},
        {"partition": 1.0, "offset": -1},
        {"partition": "3", "offset": 4}, {"partition": 0, "offset": 0, "more": 1},
        {"event/basket/hours": 1}, {"event/basket/hours": True}, {"attribute/plan=gold": 1.0},
        {"profile/days": "2"}, {"profile/days": None}, {"profile/days": 1e30},
    ]
)  # fmt: skip
VALUES = (
    ODD | st.integers(-(2**70), 2**70).filter(lambda one: -(2**63) <= one < 2**64) | st.floats()
)
#: Bytes that are numbers to some, and not to all.
NUMBERS = [b"NaN", b"1e999", b"01", b"1.", b"-0", b"1" + b"0" * 25, b"1" + b"0" * 400, b"1E2"]


def read(way: Any, value: bytes) -> Any:
    """All that a way of reading says of a record, comparable."""
    try:
        example = way(value)
    except InvalidEvent as error:
        return error.reason, error.message
    raw = example.raw
    numbers = raw.numbers.tobytes(), raw.rows.shape
    attributes = [(name, type(one), one) for name, one in raw.attributes.items()]
    said = [(type(one), one) for one in astuple(replace(example, raw=None))]
    return said, raw.names, numbers, attributes


def both_agree(value: bytes) -> bool:
    return bool(read(decode_example, value) == read(decode_by_schema, value))


@given(st.dictionaries(st.sampled_from([*FIELDS, "more"]), VALUES, max_size=3), st.data())
def test_a_record_with_other_values_is_read_the_same(
    changed: dict[str, Any], data: st.DataObject
) -> None:
    left_out = data.draw(st.sets(st.sampled_from(sorted(FIELDS)), max_size=1))
    fields = {name: one for name, one in (FIELDS | changed).items() if name not in left_out}
    assert both_agree(orjson.dumps(fields))


@given(
    st.dictionaries(
        st.sampled_from([*FIELDS["features"], "profile/", "event/", "event/view/hours", "x", ""])
        | st.text(max_size=5),
        st.floats(allow_nan=False) | st.integers(-9, 9) | st.booleans() | st.none(),
        max_size=6,
    )
)
def test_any_features_are_read_the_same(features: dict[str, Any]) -> None:
    assert both_agree(orjson.dumps(FIELDS | {"features": features}))


@given(st.integers(0, 2_000), st.binary(max_size=3), st.integers(0, 3))
def test_bytes_that_were_damaged_are_read_the_same(at: int, put: bytes, over: int) -> None:
    value = encode_example(EXAMPLE)
    place = at % len(value)
    assert both_agree(value[:place] + put + value[place + over :])


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("name", ["label", "weight", "probability", "model_version", "features"])
def test_numbers_are_the_same_to_both(name: str, number: bytes) -> None:
    marked = orjson.dumps(FIELDS | {name: {"profile/days": "@"} if name == "features" else "@"})
    assert both_agree(marked.replace(b'"@"', number))


@pytest.mark.parametrize("probability", [0.25, 0.0, 1.0, None])
@pytest.mark.parametrize("kind", ["outcome", "reversal"])
def test_what_is_written_is_read_the_fast_way(
    monkeypatch: pytest.MonkeyPatch, probability: float | None, kind: Any
) -> None:
    example = replace(EXAMPLE, probability=probability, kind=kind)
    value = encode_example(example)
    slow = read(decode_by_schema, value)
    monkeypatch.setattr(examples, "decode_by_schema", None)
    assert read(decode_example, value) == slow
    assert astuple(decode_example(value))[:8] == astuple(example)[:8]


@pytest.mark.parametrize("value", [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_what_is_no_example_is_refused_by_both(value: bytes) -> None:
    assert both_agree(value)
    with pytest.raises(InvalidEvent, match="bad_example"):
        decode_example(value)


def test_a_number_that_json_does_not_have_is_no_feature() -> None:
    value = encode_example(replace(EXAMPLE, raw=replace(RAW, attributes={"age": math.nan})))
    assert both_agree(value)
