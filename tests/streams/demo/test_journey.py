"""The Complete Journey's events: a basket each, or a line each, of the same year."""

from __future__ import annotations

from collections import defaultdict
from itertools import islice

import pytest

from streams.demo.journey import read_journey

NUMBER = 20_000


def test_lines_come_in_order_of_time_under_ids_of_their_own() -> None:
    events = list(islice(read_journey(lines=True), NUMBER))
    places = [(event["timestamp"], event["event_id"]) for event in events]
    assert len(set(places)) == NUMBER
    assert places == sorted(places)


def test_lines_add_up_to_their_baskets() -> None:
    amounts: defaultdict[tuple[str, str], float] = defaultdict(float)
    for event in islice(read_journey(lines=True), NUMBER):
        amounts[event["profile_id"], event["timestamp"]] += event["properties"].get("amount", 0.0)
    amounts.popitem()  # the last of them may go on
    found: dict[tuple[str, str], float] = {}
    for event in islice(read_journey(), NUMBER // 4):
        place = event["profile_id"], event["timestamp"]
        found[place] = found.get(place, 0.0) + event["properties"].get("amount", 0.0)
    assert len(amounts) > NUMBER / 20
    assert {place: found[place] for place in amounts} == pytest.approx(dict(amounts))
