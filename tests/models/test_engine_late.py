"""Late events: they count their share, and take back what was learned too early."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.config.durations import DAY, HOUR, MINUTE
from models.goals.examples import Example
from models.goals.tickets import id_of
from models.profiles.codec import unpack
from models.profiles.features import freeze, named_features, raw_features
from models.step import Step
from tests.support.factories import COUPON, START, Bench, config, event, goal, records

COUPONS = {
    "coupon": goal(
        propensity="conversion",
        outcome={"will": {"where": COUPON}, "within": "1d"},
        tickets={"every": "1d"},
    )
}


def questions(**time: str) -> Any:
    return config(COUPONS, time={"allowed_lateness": "0s", "max_jump": "90d"} | time)


def of(profile: str, steps: list[Step]) -> list[Example]:
    return [one for step in steps for one in step.examples if one.profile_id == profile]


@given(
    st.permutations(range(6)),
    st.lists(st.tuples(st.integers(0, 5000), st.sampled_from([2.0, 9.0])), min_size=6, max_size=6),
)
@settings(max_examples=100, deadline=None)
def test_counters_do_not_depend_on_the_order_of_arrival(order: Any, drawn: Any) -> None:
    log = [
        event("p1", START + minute * MINUTE, properties={"amount": amount})
        for minute, amount in drawn
    ]
    found = []
    for arrived in (log, [log[number] for number in order]):
        bench = Bench(config(events={"value": "properties.amount"}))
        bench.run(records(arrived), 2)
        profile = unpack(bench.partition.profiles[b"p1"])
        raw = raw_features([freeze(profile, START + 9 * DAY)]).one(0)
        found.append(dict(named_features(raw)))
    assert found[0] == pytest.approx(found[1], rel=1e-6)


def test_a_late_event_adds_its_decayed_share() -> None:
    bench = Bench(config())
    late = [event("p1", START + DAY), event("p1", START)]
    bench.run(records(late))
    raw = raw_features([freeze(unpack(bench.partition.profiles[b"p1"]), START + DAY)]).one(0)
    assert dict(named_features(raw))["event/basket/count_1d"] == pytest.approx(1.5)


def test_a_late_event_is_counted() -> None:
    bench = Bench(questions(allowed_lateness="1h"))
    on_time = [event("p1", START), event("p2", START + 4 * HOUR)]
    step = bench.step(records([*on_time, event("p1", START + 2 * HOUR)]))
    assert step.counts["late"] == 1


def test_an_outcome_within_the_allowed_lateness_is_in_time() -> None:
    bench = Bench(questions(allowed_lateness="3h"))
    steps = bench.run(records([event("p1", START), event("p1", START + DAY)]))
    t0 = min(ticket[1] for ticket in _tickets(bench, b"p1"))
    rest = [
        event("p2", t0 + DAY + HOUR),
        event("p1", t0 + DAY, "coupon"),
        event("p2", t0 + 2 * DAY),
    ]
    steps += bench.run(records(rest, first=2))
    first = min(of("p1", steps), key=lambda one: one.t0)
    assert (first.t0, first.label, first.kind) == (t0, 1, "outcome")


def test_an_outcome_that_arrives_after_its_window_has_closed_reverses_the_label() -> None:
    bench, t0, steps = _closed_without_coupon(reversible_for="2d")
    assert next((one.t0, one.label, one.kind) for one in of("p1", steps)) == (t0, 0, "outcome")
    late = bench.step(records([event("p1", t0 + HOUR, "coupon")], first=100))
    reversal = late.examples[0]
    assert (reversal.t0, reversal.label, reversal.kind) == (t0, 1, "reversal")
    assert reversal.raw.numbers.tobytes() == of("p1", steps)[0].raw.numbers.tobytes()
    assert late.counts["reversed"] == 1


def test_a_label_is_reversed_once_only() -> None:
    bench, t0, _ = _closed_without_coupon(reversible_for="2d")
    bench.step(records([event("p1", t0 + HOUR, "coupon")], first=100))
    again = bench.step(records([event("p1", t0 + 2 * HOUR, "coupon")], first=101))
    assert [one for one in again.examples if one.t0 == t0] == []


def test_an_outcome_that_arrives_when_its_ticket_is_gone_changes_nothing() -> None:
    bench, t0, _ = _closed_without_coupon(reversible_for="0s")
    late = bench.step(records([event("p1", t0 + HOUR, "coupon")], first=100))
    assert [one for one in late.examples if one.t0 == t0] == []


def test_a_ticket_can_no_longer_be_reversed_once_its_time_is_over() -> None:
    bench, t0, _ = _closed_without_coupon(reversible_for="2d")
    bench.step(records([event("p2", t0 + 3 * DAY + 1)], first=50))
    assert all(ticket[1] != t0 for ticket in _tickets(bench, b"p1"))


def test_an_event_of_its_own_opens_a_ticket_that_the_clock_has_not_reached() -> None:
    bench = Bench(questions(allowed_lateness="20d"))
    bench.run(records([event("p1", START), event("p1", START + 3 * DAY, "coupon")]))
    assert bench.partition.clock.now < START
    opened = sorted(ticket[1] for ticket in _tickets(bench, b"p1"))
    assert len(opened) == 3
    assert all(START <= t0 < START + 3 * DAY for t0 in opened)


def _closed_without_coupon(**time: str) -> tuple[Bench, int, list[Step]]:
    """A ticket of p1 that has closed as a negative, its T0, and the steps so far."""
    bench = Bench(questions(**time))
    steps = bench.run(records([event("p1", START), event("p2", START + DAY)]))
    t0 = min(ticket[1] for ticket in _tickets(bench, b"p1"))
    steps += bench.run(records([event("p2", t0 + DAY + HOUR)], first=2))
    return bench, t0, steps


def _tickets(bench: Bench, key: bytes) -> list[tuple[int, int]]:
    return [id_of(ticket) for ticket in bench.partition.tickets.of(key)]
