"""The number that an event carries."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.events.paths import compile_path
from models.profiles.intake import LARGEST_VALUE, compile_number, number_in

NUMBERS = st.integers() | st.floats() | st.sampled_from([LARGEST_VALUE, -2 * LARGEST_VALUE])
VALUES = st.recursive(
    st.none() | st.booleans() | st.text(max_size=3) | NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("an"), inner),
    max_leaves=5,
)
PATHS = st.sampled_from(["properties.n", "properties.n.a", "type", "event_id"])


@given(PATHS, st.dictionaries(st.sampled_from("nm"), VALUES))
def test_the_number_is_the_one_among_the_values_at_the_path(path: str, properties: Any) -> None:
    fields = {"event_id": "1", "type": "basket", "properties": properties}
    assert compile_number(path)(fields) == number_in(compile_path(path)(fields))


@pytest.mark.parametrize(
    ("found", "number"),
    [
        (12.5, 12.5), (3, 3.0), (True, None), ("3", None), (None, None), ([1, "x", 2.5], 3.5),
        ([], None), (1e300, LARGEST_VALUE), (-(10**30), -LARGEST_VALUE),
    ],
)  # fmt: skip
def test_a_number_is_added_up_and_bounded(found: Any, number: float | None) -> None:
    assert compile_number("properties.n")({"properties": {"n": found}}) == number
