"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.config.durations import DAY, LONGEST, format_duration, parse_duration


@given(st.integers(0, LONGEST))
def test_a_written_duration_reads_as_itself(millis: int) -> None:
    assert parse_duration(format_duration(millis)) == millis


@pytest.mark.parametrize(
    ("text", "millis"), [("1.5d", DAY * 3 // 2), ("2w", 14 * DAY), (" 90 s ", 90_000), ("0d", 0)]
)
def test_units_are_read(text: str, millis: int) -> None:
    assert parse_duration(text) == millis


@pytest.mark.parametrize("text", ["7", "d", "-1d", "1y", "1d 2h", "", None, 7, "9999999w", "1e3d"])
def test_anything_else_is_refused(text: object) -> None:
    with pytest.raises(ValueError):
        parse_duration(text)
