"""Scores: what leaves, for whom, and that their reasons add up."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.config.durations import DAY, HOUR
from models.learning.snapshot import Snapshot
from models.profiles.codec import unpack
from models.profiles.features import stack
from models.scoring.records import ScoreRecord
from models.scoring.roster import GOALS_KEY
from models.step import PlainRecord, Step
from tests.support.factories import (
    BASKET,
    START,
    Bench,
    config,
    event,
    goal,
    habits,
    records,
    snapshot,
    trained,
)

RECENT = goal(eligible={"where": BASKET, "in_last": "3d"})


@pytest.fixture(scope="module")
def questions() -> Any:
    return config(
        {"churn": RECENT, "coupon": goal(propensity="conversion")},
        events={"value": "properties.amount"},
        attributes={"plan": "properties.plan"},
        named={
            "big": {"title": "Big basket", "where": {"field": "properties.amount", "at_least": 50}}
        },
    )


@pytest.fixture(scope="module")
def learned(questions: Any) -> Snapshot:
    steps = Bench(questions).run(records(habits(profiles=40, days=30)))
    return trained(questions, "churn", steps).snapshot()


def scores(step: Step) -> dict[str, dict[str, Any]]:
    return {key.decode(): orjson.loads(value) for key, value in step.scores if value is not None}


def logit(p: float) -> float:
    return math.log(p / (1 - p))


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_factors_and_remainder_add_up_for_any_state_and_model(
    questions: Any, learned: Snapshot, data: Any
) -> None:
    numbers = st.floats(-5, 5)
    width = len(learned.weights)
    weights = data.draw(st.lists(numbers, min_size=width, max_size=width))
    rate = data.draw(st.floats(0.001, 0.999))
    bench = Bench(questions)
    bench.engine.adopt(learned.model_copy(update={"weights": weights, "base_rate": rate}))
    drawn = data.draw(
        st.lists(st.tuples(st.integers(0, 9 * DAY), st.floats(-1e3, 1e6)), min_size=1)
    )
    log = [
        event("p1", START + at, properties={"amount": amount, "plan": "gold"})
        for at, amount in sorted(drawn)
    ]
    score = scores(bench.step(records(log)))["churn/p1"]
    total = sum(one["contribution"] for one in score["factors"]) + score["remainder"]
    difference = logit(score["probability"]) - logit(score["base_rate"])
    assert total == pytest.approx(difference, abs=1e-9)


def test_the_score_is_fifty_at_the_base_rate_and_seventy_five_at_three_times_its_odds(
    questions: Any, learned: Snapshot
) -> None:
    for odds, expected in ((1.0, 50.0), (3.0, 75.0), (1 / 3, 25.0)):
        rate = 0.2
        bias = math.log(odds * rate / (1 - rate))
        weights = [bias] + [0.0] * (len(learned.weights) - 1)
        bench = Bench(questions)
        bench.engine.adopt(learned.model_copy(update={"weights": weights, "base_rate": rate}))
        score = scores(bench.step(records([event("p1", START)])))["churn/p1"]
        assert score["score"] == pytest.approx(expected)


def test_a_score_is_a_valid_record(questions: Any, learned: Snapshot) -> None:
    bench = Bench(questions)
    bench.engine.adopt(learned)
    step = bench.step(records([event("p1", START, properties={"amount": 70, "plan": "gold"})], 41))
    record = ScoreRecord.model_validate(scores(step)["churn/p1"])
    assert record.source.offset == 41
    assert record.timestamp == "2023-11-14T22:13:20.000Z"
    assert record.model_version == learned.version
    assert record.previous is None
    assert 0 < record.probability < 1
    assert 0 < len(record.factors) <= 5


def test_reasons_are_told_strongest_first_and_account_age_never_first(
    questions: Any, learned: Snapshot
) -> None:
    bench = Bench(questions)
    bench.engine.adopt(learned)
    steps = bench.run(records(habits(profiles=20, days=10)), 50)
    told = [one["factors"] for step in steps for one in scores(step).values()]
    assert len(told) > 20
    for factors in told:
        others = [f for f in factors if f["factor"] != "profile/age"]
        sizes = [abs(one["contribution"]) for one in others]
        assert sizes == sorted(sizes, reverse=True)
        assert not factors or factors[0]["factor"] != "profile/age"
        assert all(abs(one["contribution"]) >= 0.1 for one in factors)


def test_only_eligible_profiles_are_scored(questions: Any, learned: Snapshot) -> None:
    bench = Bench(questions)
    bench.engine.adopt(learned)
    step = bench.step(records([event("p1", START, "visit"), event("p2", START, "basket")]))
    assert set(scores(step)) == {"churn/p2"}


def test_a_score_is_withdrawn_when_its_profile_is_no_longer_eligible(
    questions: Any, learned: Snapshot
) -> None:
    bench = Bench(questions)
    bench.engine.adopt(learned)
    bench.step(records([event("p1", START)]))
    late = bench.step(records([event("p1", START + 4 * DAY, "visit")], first=1))
    assert (b"churn/p1", None) in late.scores
    assert late.counts["withdrawn"] == 1
    again = bench.step(records([event("p1", START + 5 * DAY, "visit")], first=2))
    assert again.scores == []


def test_a_silent_profile_is_scored_again_whenever_its_silence_has_doubled(
    questions: Any, learned: Snapshot
) -> None:
    bench = Bench(questions)
    bench.engine.adopt(learned)
    bench.step(records([event("p1", START)]))
    counts = [bench.idle(HOUR).counts["scores"] for _ in range(60)]
    assert [hour + 1 for hour, count in enumerate(counts) if count] == [25, 49]


def test_the_score_before_goes_with_the_score(questions: Any, learned: Snapshot) -> None:
    bench = Bench(questions)
    bench.engine.adopt(learned)
    first = scores(bench.step(records([event("p1", START)])))["churn/p1"]
    second = scores(bench.step(records([event("p1", START + HOUR)], 1)))["churn/p1"]
    assert second["previous"] == {"score": first["score"], "timestamp": first["timestamp"]}


def test_percentiles_rank_among_the_latest_scores_of_all_profiles(
    questions: Any, learned: Snapshot
) -> None:
    bench = Bench(questions)
    bench.engine.adopt(learned)
    steps = bench.run(records(habits(profiles=60, days=8)))
    latest: dict[str, dict[str, Any]] = {}
    for step in steps:
        latest |= scores(step)
    ordered = sorted(latest.values(), key=lambda one: one["score"])
    ranked = bench.engine.board.ranks[bench.engine.compiled.goals[0].key]
    known = ranked.percentiles([one["score"] for one in ordered])
    assert ranked.counts.sum() == len(ordered)
    assert known == sorted(known)
    exact = [100 * (n + 0.5) / len(ordered) for n in range(len(ordered))]
    assert np.abs(np.array(known) - exact).max() < 8


def test_ranks_are_the_same_after_a_recovery(questions: Any, learned: Snapshot) -> None:
    bench = Bench(questions)
    bench.engine.adopt(learned)
    bench.run(records(habits(profiles=30, days=8)))
    before = {key: ranks.counts.tolist() for key, ranks in bench.engine.board.ranks.items()}
    bench.engine.close(bench.partition)
    assert all(not ranks.counts.any() for ranks in bench.engine.board.ranks.values())
    bench.open(bench.partition)
    assert {key: ranks.counts.tolist() for key, ranks in bench.engine.board.ranks.items()} == before


def test_a_goal_that_is_collecting_says_nothing(questions: Any, learned: Snapshot) -> None:
    bench = Bench(questions)
    bench.engine.adopt(learned.model_copy(update={"status": "collecting"}))
    assert bench.step(records([event("p1", START)])).scores == []


def test_emit_from_says_in_which_status_scores_begin() -> None:
    for first, expected in (("collecting", 1), ("warming", 0), ("ready", 0)):
        asked = config({"churn": goal(emit_from=first)})
        bench = Bench(asked)
        bench.engine.adopt(snapshot(trained(asked, "churn", []), status="collecting"))
        assert len(bench.step(records([event("p1", START)])).scores) == expected


def test_a_snapshot_of_another_version_of_the_goal_is_not_adopted(
    questions: Any, learned: Snapshot
) -> None:
    engine = Bench(questions).engine
    assert not engine.adopt(learned.model_copy(update={"goal_version": "00000000"}))
    assert not engine.adopt(learned.model_copy(update={"goal": "other"}))
    assert engine.adopt(learned)
    assert not engine.adopt(learned.model_copy(update={"version": learned.version - 1}))


def test_a_ticket_carries_the_probability_that_a_score_at_its_t0_would(
    questions: Any, learned: Snapshot
) -> None:
    bench = Bench(questions)
    bench.engine.adopt(learned)
    steps = bench.run(records(habits(profiles=10, days=8)), 50)
    told = [one for step in steps for one in step.examples if one.goal == "churn"]
    assert len(told) > 20
    model = bench.engine.board.scorer(bench.engine.compiled.goals[0])
    assert model is not None
    for one in told:
        again = model.model.probabilities(stack([one.raw]))[0]
        assert one.probability == again
        assert one.model_version == learned.version


def test_one_refused_record_leaves_the_others_alone(questions: Any, learned: Snapshot) -> None:
    bench = Bench(questions)
    bench.engine.adopt(learned)
    good = records([event("p1", START), event("p2", START)], first=1)
    step = bench.step([PlainRecord(b"p1", b"{", 0), *good])
    assert [(one.record.offset, one.reason) for one in step.refused] == [(0, "not_json")]
    assert set(scores(step)) == {"churn/p1", "churn/p2"}


def test_what_was_said_for_a_goal_without_a_name_goes_when_the_profile_is_next_written(
    questions: Any, learned: Snapshot
) -> None:
    before = Bench(questions)
    before.engine.adopt(learned)
    before.run(records([event("p1"), event("p2")]))
    old = {one.key for one in before.engine.compiled.goals}
    assert unpack(before.partition.profiles[b"p1"]).scores.keys() <= old
    after = Bench(config({"churn": goal(eligible={"where": BASKET, "in_last": "2d"})}))
    del before.partition.profiles[GOALS_KEY]  # where its name would be
    after.partition = after.open(before.partition)
    (step,) = after.run(records([event("p1", START + HOUR)], first=2))
    assert unpack(before.partition.profiles[b"p1"]).scores
    assert unpack(after.partition.profiles[b"p1"]).scores == {}
    assert unpack(after.partition.profiles[b"p2"]).scores  # not written, so not looked at
    assert step.scores == []


def test_what_was_said_for_a_goal_stays_when_another_goal_changes(
    questions: Any, learned: Snapshot
) -> None:
    before = Bench(questions)
    before.engine.adopt(learned)
    before.run(records([event("p1")]))
    said = unpack(before.partition.profiles[b"p1"]).scores
    after = Bench(config({"churn": RECENT}))
    after.partition = after.open(before.partition)
    after.run(records([event("p1", START + HOUR)], first=1))
    assert said
    assert unpack(after.partition.profiles[b"p1"]).scores == said
