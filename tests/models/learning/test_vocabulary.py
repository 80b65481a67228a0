"""Which sources a model knows by name: the frequent ones, decided at fixed numbers of examples."""

from __future__ import annotations

import numpy as np

from models.learning.layout import Block
from models.learning.transform import base_features
from models.learning.vocabulary import TERM, WARM_UP, ProfileFeatures
from models.profiles.features import PROFILE_WIDTH, SOURCE_WIDTH, RawProfile, stack
from models.profiles.profile import OTHER


def raw(*sources: str, value: float = 0.0, **attributes: float | str) -> RawProfile:
    """A profile with these sources, each an hour ago."""
    rows = np.zeros((len(sources), SOURCE_WIDTH), dtype=np.float32)
    rows[:, :5] = 1.0
    rows[:, 5:9] = value
    rows[:, 9] = 1.0
    profile = np.ones(PROFILE_WIDTH, dtype=np.float32)
    return RawProfile(np.concatenate((profile, rows.ravel())), sources, attributes)


def learn(features: ProfileFeatures, examples: list[RawProfile]) -> None:
    for one in examples:
        features.learn_raw([one])


def test_the_goals_own_sources_are_known_from_the_start() -> None:
    assert ProfileFeatures(own=("event/basket",)).layout.sources == ("event/basket",)


def test_nothing_is_admitted_before_the_warm_up_is_over() -> None:
    features = ProfileFeatures()
    learn(features, [raw("event/a")] * WARM_UP)
    assert "event/a" not in features.layout.numbers
    learn(features, [raw("event/a")])
    assert "event/a" in features.layout.numbers


def test_the_most_frequent_are_admitted_and_the_rest_is_pooled() -> None:
    features = ProfileFeatures(own=("event/own",), most_sources=3)
    examples = [raw("event/own", "event/b", *(["event/c"] if n % 2 else ["event/d"] * (n % 3 == 0)))
                for n in range(WARM_UP)]  # fmt: skip
    learn(features, [*examples, raw("event/own")])
    assert features.layout.sources == ("event/own", "event/b", "event/c", OTHER)


def test_invented_types_change_nothing_that_was_learned() -> None:
    features = ProfileFeatures(most_sources=2)
    learn(features, [raw("event/a", "event/b")] * (WARM_UP + 1))
    known = features.layout.blocks
    flood = [raw("event/a", f"event/x{n}") for n in range(TERM)]
    learn(features, flood)
    assert features.layout.blocks[: len(known)] == known
    assert len(features.layout.sources) <= 3


def test_values_join_once_they_have_been_seen() -> None:
    features = ProfileFeatures(own=("event/a",))
    learn(features, [raw("event/a")] * (WARM_UP + 1))
    assert Block("value", "event/a") not in features.layout.blocks
    learn(features, [raw("event/a", value=3.0)] * TERM)
    assert Block("value", "event/a") in features.layout.blocks


def test_attributes_join_as_numbers_and_as_categories_under_a_cap() -> None:
    features = ProfileFeatures(most_categories=2)
    plans = ["gold", "gold", "plus", "free"]
    learn(features, [raw(age=30.0, plan=plans[n % 4]) for n in range(WARM_UP + 1)])
    assert Block("number", "age") in features.layout.blocks
    known = [block.text for block in features.layout.blocks if block.kind == "category"]
    assert known == ["gold", "free"]


def test_pooled_sources_add_up_and_the_latest_gives_value_and_recency() -> None:
    features = ProfileFeatures(most_sources=1)
    learn(features, [raw("event/a", "event/b", "event/c", value=1.0)] * (WARM_UP + TERM + 1))
    layout = features.layout
    assert layout.sources == ("event/a", OTHER)
    one = raw("event/a", "event/b", "event/c", value=2.0)
    one.rows[2, 9], one.rows[2, 8] = 0.5, 7.0
    found = dict(zip(layout.features, base_features(layout, stack([one]))[0], strict=True))
    assert found["other/count_7d"] == np.log1p(2.0)
    assert found["other/recency"] == np.log1p(0.5)
    assert found["other/value"] == np.log1p(7.0)
