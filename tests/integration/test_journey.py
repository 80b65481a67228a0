"""A year of real data: every ticket of every goal against the naive implementation."""

from __future__ import annotations

from collections import defaultdict
from importlib import resources
from typing import Any

import orjson
import pytest

from models.config.durations import DAY
from models.config.loader import load_config
from models.config.schema import Config
from models.events.times import parse_time
from models.goals.examples import Example
from models.profiles.features import named_features
from models.step import PlainRecord
from streams.demo.journey import read_journey
from tests.models.test_engine_tickets import assert_features
from tests.support import naive
from tests.support.factories import Bench

#: Of the tickets, one in so many has its features summed up anew.
SAMPLED = 12


def has_power(events: Any) -> bool:
    baskets = [one for one in events if one["type"] == "basket"]
    return len(baskets) >= 3 and any(one["amount"] >= 75 for one in baskets)


def has(kind: str) -> Any:
    return lambda events: any(one["type"] == kind for one in events)


def bought_lately(events: Any, now: int) -> bool:
    return any(one["type"] == "basket" and now - one["at"] <= 60 * DAY for one in events)


GOALS = [
    naive.NaiveGoal("churn", 7 * DAY, 14 * DAY, has("basket"), False, bought_lately),
    naive.NaiveGoal("coupon", 30 * DAY, 15 * DAY, has("coupon")),
    naive.NaiveGoal("power", 14 * DAY, 14 * DAY, has_power),
]


def sources(one: naive.Fields) -> list[str]:
    found = [f"event/{one['type']}"]
    if one["type"] == "basket" and one["amount"] >= 75:
        found.append("named/big_basket")
    if one["type"] == "campaign" and one["kind"] == "A":
        found.append("named/campaign_a")
    return found


@pytest.fixture(scope="module")
def questions() -> Config:
    text = (resources.files("streams.demo") / "goals.yaml").read_text()
    return load_config(text.replace("goals:", "time: {allowed_lateness: 0s}\ngoals:", 1), "demo")


@pytest.fixture(scope="module")
def year() -> list[dict[str, Any]]:
    return list(read_journey())


@pytest.fixture(scope="module")
def lived(questions: Config, year: list[dict[str, Any]]) -> tuple[Bench, list[Example]]:
    """The year through the engine, in runs of a thousand."""
    bench, examples = Bench(questions), []
    records = [
        PlainRecord(one["profile_id"].encode(), orjson.dumps(one), offset)
        for offset, one in enumerate(year)
    ]
    for at in range(0, len(records), 1000):
        step = bench.engine.step(bench.partition, records[at : at + 1000])
        bench.partition.apply(step)
        assert not step.refused
        examples += step.examples
    return bench, examples


@pytest.fixture(scope="module")
def log(year: list[dict[str, Any]]) -> dict[str, list[naive.Fields]]:
    by_profile: dict[str, list[naive.Fields]] = defaultdict(list)
    for one in year:
        properties = one["properties"]
        fields = {
            "at": parse_time(one["timestamp"]), "type": one["type"],
            "value": properties.get("amount"), "amount": properties.get("amount", 0.0),
            "kind": properties.get("kind"),
        }  # fmt: skip
        by_profile[one["profile_id"]].append(fields)
    return by_profile


def test_the_data_is_the_one_that_is_documented(year: list[dict[str, Any]]) -> None:
    kinds = [one["type"] for one in year]
    assert (kinds.count("basket"), kinds.count("campaign"), kinds.count("coupon")) == (
        155_848, 6_589, 2_102,
    )  # fmt: skip
    assert len({one["profile_id"] for one in year}) == 2_469


def test_all_tickets_of_all_goals_have_the_labels_of_the_whole_log(
    lived: tuple[Bench, list[Example]], log: dict[str, list[naive.Fields]]
) -> None:
    bench, examples = lived
    until = bench.partition.clock.now
    found = {(one.goal, one.profile_id, one.t0): one.label for one in examples}
    expected = {
        (goal.name, profile, t0): label
        for goal in GOALS
        for profile, events in log.items()
        for t0, (label, _) in naive.tickets(goal, profile, events, until).items()
        if label is not None
    }
    assert len(expected) > 150_000
    different = {
        key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)
    }
    assert different == set()


def test_tickets_hold_the_features_of_their_t0(
    lived: tuple[Bench, list[Example]], log: dict[str, list[naive.Fields]]
) -> None:
    _, examples = lived
    for example in examples[::SAMPLED]:
        before = [one for one in log[example.profile_id] if one["at"] <= example.t0]
        assert_features(
            dict(named_features(example.raw)), naive.features(before, example.t0, sources)
        )


def test_a_profiles_state_takes_less_than_a_kilobyte(lived: tuple[Bench, list[Example]]) -> None:
    sizes = sorted(map(len, lived[0].partition.profiles.values()))
    assert sizes[len(sizes) // 2] < 1024
