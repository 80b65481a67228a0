"""The garbage collector is calm for a while, and then as it was."""

from __future__ import annotations

import gc

import pytest

from streams.collector import calmly


def test_the_collector_is_as_it_was_even_after_a_failure() -> None:
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="in between"), calmly():
        assert gc.get_threshold() > before
        assert gc.get_freeze_count() > 0
        raise ValueError("in between")
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
