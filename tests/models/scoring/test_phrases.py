"""What a factor says is said in whole days where days are counted."""

from __future__ import annotations

import math

import pytest

from models.learning.layout import Layout
from models.scoring.phrases import Phrase, phrases_of


@pytest.fixture
def said() -> list[str]:
    phrases: list[Phrase] = phrases_of(Layout(), {})
    return [phrase(math.log1p(19.1)) for phrase in phrases]


def test_active_days_are_whole(said: list[str]) -> None:
    assert "Active on 19 days so far" in said
