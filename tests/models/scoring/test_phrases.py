"""What a factor says is said in whole days where days are counted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.learning.layout import Block, Layout
from models.scoring.phrases import Phrase, elapsed, phrases_of, reaches_of


@pytest.fixture
def said() -> list[str]:
    phrases: list[Phrase] = phrases_of(Layout(), {})
    return [phrase(math.log1p(19.1)) for phrase in phrases]


def test_a_young_profile_is_told_what_it_did_so_far_and_nothing_of_before() -> None:
    """Whoever came yesterday has no last 43 days."""
    blocks = Block("activity", "event/a"), Block("value", "event/a"), Block("number", "sum_7d")
    layout = Layout((Block("profile"), *blocks))
    old, young, reaches = phrases_of(layout, {}), phrases_of(layout, {}, young=True), []
    for of_old, of_young, reach in zip(old, young, reaches_of(layout), strict=True):
        for value in (0.0, 0.7, 3.0):
            reaches.append(reach)
            if reach:
                assert of_old(value).endswith(f" the last {elapsed(reach)}")
                assert (
                    of_young(value)
                    == of_old(value).rpartition(" the last ")[0].rpartition(" ")[0] + " so far"
                )
            else:
                assert of_young(value) == of_old(value)
    assert 0 < np.count_nonzero(reaches) < len(reaches)


def test_active_days_are_whole(said: list[str]) -> None:
    assert "Active on 19 days so far" in said
