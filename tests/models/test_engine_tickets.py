"""Tickets against a naive implementation that looks at the whole log."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.config.durations import DAY, HOUR, MINUTE
from models.goals.examples import Example
from models.goals.tickets import id_of, unpack_ticket
from models.profiles.codec import unpack
from models.profiles.features import named_features
from tests.support import naive
from tests.support.factories import BASKET, COUPON, START, Bench, config, event, goal, records

GOALS = {
    "churn": goal(eligible={"where": BASKET, "in_last": "2d"}),
    "coupon": goal(
        propensity="conversion",
        outcome={"will": {"where": COUPON}, "within": "2d"},
        tickets={"every": "12h"},
    ),
    "power": goal(
        propensity="conversion",
        outcome={
            "will": {"all_of": [{"where": BASKET, "times": 3}, {"event": "big"}]},
            "within": "3d",
        },
    ),
}
NAMED = {
    "big": {"where": {"all": [BASKET, {"field": "properties.amount", "at_least": 50}]}},
}


def of_type(kind: str) -> Any:
    return lambda one: one["type"] == kind


def has_coupon(events: Any) -> bool:
    return any(one["type"] == "coupon" for one in events)


def has_power(events: Any) -> bool:
    baskets = [one for one in events if one["type"] == "basket"]
    return len(baskets) >= 3 and any(one["value"] >= 50 for one in baskets)


def bought_lately(events: Any, now: int) -> bool:
    return any(one["type"] == "basket" and now - one["at"] <= 2 * DAY for one in events)


NAIVE = [
    naive.NaiveGoal(
        "churn", DAY, DAY, lambda events: any(map(of_type("basket"), events)), False, bought_lately
    ),
    naive.NaiveGoal("coupon", 2 * DAY, 12 * HOUR, has_coupon),
    naive.NaiveGoal("power", 3 * DAY, DAY, has_power),
]


def sources(one: naive.Fields) -> list[str]:
    names = [f"event/{one['type']}"]
    return [*names, "named/big"] if one["type"] == "basket" and one["value"] >= 50 else names


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 12 * DAY // MINUTE),
        st.sampled_from(["p1", "p2", "p3"]),
        st.sampled_from(["basket", "basket", "coupon", "visit"]),
        st.sampled_from([5.0, 20.0, 75.0]),
    ),
    min_size=2,
    max_size=40,
)


def log_of(drawn: list[tuple[int, str, str, float]]) -> list[dict[str, Any]]:
    return [
        event(profile, START + minute * MINUTE, kind, properties={"amount": amount})
        for minute, profile, kind, amount in sorted(drawn)
    ]


def plain(log: list[dict[str, Any]]) -> dict[str, list[naive.Fields]]:
    """The log by profile, as the naive implementation takes it."""
    found: dict[str, list[naive.Fields]] = defaultdict(list)
    for one in log:
        fields = {
            "at": one["timestamp"], "type": one["type"], "value": one["properties"]["amount"],
        }  # fmt: skip
        found[one["profile_id"]].append(fields)
    return found


def closed_by(bench: Bench, log: list[dict[str, Any]], size: int) -> list[Example]:
    steps = bench.run(records(log), size)
    return [example for step in steps for example in step.examples]


@pytest.fixture(scope="module")
def questions() -> Any:
    jump = {"allowed_lateness": "0s", "max_jump": "30d"}
    return config(GOALS, named=NAMED, events={"value": "properties.amount"}, time=jump)


def assert_features(found: dict[str, float], expected: dict[str, float]) -> None:
    """Equal to float32's precision; what has decayed to less than a millionth may be left out."""
    names = found.keys() | expected.keys()
    padded = [{name: one.get(name, 0.0) for name in names} for one in (found, expected)]
    assert padded[0] == pytest.approx(padded[1], rel=2e-6, abs=2e-6)
    hours = [{name for name in one if name.endswith("/hours")} for one in (found, expected)]
    assert hours[0] == hours[1]


@given(EVENTS, st.sampled_from([1, 3, 1000]))
@settings(max_examples=60, deadline=None)
def test_every_ticket_has_the_label_that_the_whole_log_gives_it(
    questions: Any, drawn: Any, size: int
) -> None:
    log, bench = log_of(drawn), Bench(questions)
    found = {(one.goal, one.profile_id, one.t0): one.label for one in closed_by(bench, log, size)}
    until = bench.partition.clock.now
    expected = {
        (goal.name, profile, t0): label
        for goal in NAIVE
        for profile, events in plain(log).items()
        for t0, (label, _) in naive.tickets(goal, profile, events, until).items()
        if label is not None
    }
    assert found == expected


@given(EVENTS)
@settings(max_examples=40, deadline=None)
def test_a_ticket_holds_the_features_of_its_t0_exactly(questions: Any, drawn: Any) -> None:
    log, bench = log_of(drawn), Bench(questions)
    closed = closed_by(bench, log, 1000)
    by_profile = plain(log)
    for example in closed:
        before = [one for one in by_profile[example.profile_id] if one["at"] <= example.t0]
        assert_features(
            dict(named_features(example.raw)), naive.features(before, example.t0, sources)
        )


@given(EVENTS)
@settings(max_examples=40, deadline=None)
def test_tickets_that_are_still_open_are_those_whose_window_is(questions: Any, drawn: Any) -> None:
    log, bench = log_of(drawn), Bench(questions)
    bench.run(records(log))
    until = bench.partition.clock.now
    names = {goal.key: goal.name for goal in bench.engine.compiled.goals}
    windows = {goal.key: goal.window for goal in bench.engine.compiled.goals}
    held = {
        (names[key], profile.decode(), t0)
        for profile, tickets in bench.partition.tickets
        for key, t0 in map(id_of, tickets)
        if t0 + windows[key] >= until
    }
    expected = {
        (goal.name, profile, t0)
        for goal in NAIVE
        for profile, events in plain(log).items()
        for t0, (label, _) in naive.tickets(goal, profile, events, until).items()
        if label is None
    }
    assert held == expected


def test_a_ticket_opens_for_a_profile_that_is_silent_in_its_period() -> None:
    bench = Bench(config({"coupon": GOALS["coupon"]}, time={"max_jump": "9d"}))
    log = [event("quiet", START), event("other", START), event("other", START + 8 * DAY)]
    closed = closed_by(bench, log, 1000)
    assert len([one for one in closed if one.profile_id == "quiet"]) >= 10


def test_closings_leave_in_the_order_of_due_and_profile(questions: Any) -> None:
    drawn = [(n * 37 % 17_000, f"p{n % 9}", "basket", 20.0) for n in range(400)]
    closed = closed_by(Bench(questions), log_of(drawn), 7)
    for name in GOALS:
        marks = [(one.due, one.profile_id) for one in closed if one.goal == name]
        assert len(marks) > 50
        assert marks == sorted(marks)


@given(EVENTS, st.sampled_from([1, 3, 1000]))
@settings(max_examples=60, deadline=None)
def test_tickets_opened_by_events_hold_them_and_what_follows_labels_them(
    drawn: Any, size: int
) -> None:
    at_coupon = {"at": COUPON}
    goals = {
        "power": GOALS["power"] | {"tickets": at_coupon},
        "churn": GOALS["churn"] | {"tickets": at_coupon},
    }
    jump = {"allowed_lateness": "0s", "max_jump": "30d"}
    bench = Bench(config(goals, named=NAMED, events={"value": "properties.amount"}, time=jump))
    log = log_of(drawn)
    closed = closed_by(bench, log, size)
    until = bench.partition.clock.now
    expected = {
        (goal.name, profile, t0): found
        for goal in NAIVE
        if goal.name in goals
        for profile, events in plain(log).items()
        for t0, found in naive.tickets_at(goal, events, of_type("coupon"), until).items()
        if found[0] is not None
    }
    assert {(one.goal, one.profile_id, one.t0): one.label for one in closed} == {
        ticket: label for ticket, (label, _) in expected.items()
    }
    for one in closed:
        _, before = expected[one.goal, one.profile_id, one.t0]
        assert_features(dict(named_features(one.raw)), naive.features(before, one.t0, sources))


def test_an_event_too_late_to_say_what_the_features_were_opens_no_ticket() -> None:
    bench = Bench(config({"churn": goal(tickets={"at": COUPON})}, time={"max_jump": "9d"}))
    log = [
        event("p1", START + DAY),
        event("p1", START, "coupon"),
        event("p1", START + 2 * DAY, "coupon"),
        event("p2", START + 8 * DAY),
    ]
    assert [one.t0 for one in closed_by(bench, log, 1000)] == [START + 2 * DAY]
    assert sum(step.counts["not_opened"] for step in bench.steps) == 1


def test_a_flood_of_opening_events_keeps_no_more_than_a_hundred_tickets_open() -> None:
    bench = Bench(config({"churn": goal(tickets={"at": COUPON})}))
    closed_by(bench, [event("p1", START + n, "coupon") for n in range(250)], 1000)
    assert len(bench.partition.tickets) == 100


def test_tickets_of_profiles_left_out_of_the_share_are_never_opened() -> None:
    some = goal(tickets={"every": "1d", "share": 0.3})
    bench = Bench(config({"churn": some}, time={"max_jump": "9d"}))
    log = [event(f"p{n}", START + n) for n in range(200)] + [event("p0", START + 5 * DAY)]
    opened = {one.profile_id for one in closed_by(bench, log, 1000)}
    assert 30 < len(opened) < 90


def test_an_attribute_that_is_configured_no_more_is_no_feature_any_more() -> None:
    asked = {"churn": goal(tickets={"at": COUPON})}
    path = "properties.plan"
    before = Bench(config(asked, attributes={"plan": path, "tier": path}))
    before.step(records([event("p1", START, "basket", properties={"plan": "gold"})]))
    after = Bench(config(asked, attributes={"tier": path}))
    after.partition = after.open(before.partition)
    after.step(records([event("p1", START + HOUR, "coupon")], 1))
    [(_, [ticket])] = after.partition.tickets
    assert unpack_ticket(ticket).raw.attributes == {"tier": "gold"}
    assert unpack(after.partition.profiles[b"p1"]).attributes == {"tier": (START, "gold")}
