"""Timers fire in exact order, whatever the cut."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.goals.calendar import Calendar

ENTRIES = st.lists(
    st.tuples(st.integers(0, 9_999), st.sampled_from([b"a", b"b"]), st.integers(0, 2))
)


@given(ENTRIES, st.lists(st.integers(0, 12_000)))
def test_what_is_due_comes_out_in_order_and_once(entries: Any, moments: Any) -> None:
    calendar, fired = Calendar(1_000), []
    for entry in entries:
        calendar.add(*entry)
    for moment in sorted(moments):
        due = list(calendar.pop(moment))
        assert all(entry[0] < moment for entry in due)
        fired += due
    assert fired == sorted(set(entries))[: len(fired)]
    left = len(set(entries)) - len(fired)
    assert len(set(calendar.pop(10_000))) == left


@given(ENTRIES, ENTRIES, st.integers(0, 12_000))
def test_many_at_once_wait_as_they_would_one_by_one(before: Any, entries: Any, moment: int) -> None:
    at_once, one_by_one = Calendar(1_000), Calendar(1_000)
    for calendar in (at_once, one_by_one):
        for entry in before:
            calendar.add(*entry)
        list(calendar.pop(moment))
    for tag in range(3):
        chosen = [entry for entry in entries if entry[2] == tag]
        dues = np.array([due for due, _, _ in chosen], np.int64)
        at_once.add_many(dues, [key for _, key, _ in chosen], tag)
        for entry in chosen:
            one_by_one.add(*entry)
    assert at_once.soonest == one_by_one.soonest
    assert len(at_once) == len(one_by_one)
    assert list(at_once.pop(20_000)) == list(one_by_one.pop(20_000))


def test_what_is_added_while_firing_takes_part() -> None:
    calendar = Calendar(1_000)
    calendar.add(100, b"a", 0)
    fired = []
    for due, key, tag in calendar.pop(5_000):
        fired.append(due)
        if due < 4_000:
            calendar.add(due + 1_900, key, tag)
    assert fired == [100, 2_000, 3_900, 5_800][:3]
    assert len(calendar) == 1
