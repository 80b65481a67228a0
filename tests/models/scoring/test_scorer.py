"""Scores and reasons are what the plain statement says, however many are scored at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.profiles.features import RawFeatures
from models.scoring import scorer as module
from models.scoring.factors import AGE, LEAST
from models.scoring.phrases import reaches_of
from models.scoring.scorer import Scorer
from tests.support.factories import Bench, snapshot, trained


def scorer_of(bench: Bench, most: int = 5) -> Scorer:
    known = snapshot(trained(bench.engine.config, "churn", bench.steps))
    return Scorer(bench.engine.compiled.goals[0], known, {}, most)


@given(seed=st.integers(0, 2**32), most=st.integers(1, 30), ties=st.booleans())
@settings(max_examples=60, deadline=None)
def test_reasons_are_those_of_the_plain_statement(
    bench: Bench, seed: int, most: int, ties: bool
) -> None:
    scorer, draw = scorer_of(bench, most), np.random.default_rng(seed)
    factors = scorer.factors
    width, reaches = len(factors.of_feature), reaches_of(scorer.model.layout)
    rows, shares = draw.normal(size=(7, width)), draw.normal(size=(7, width)) * 0.3
    if ties:
        shares = np.round(shares * 4) / 4
    reasons = scorer._reasons(rows, shares)
    for number, share in enumerate(shares):
        sums = share @ factors.members
        order = np.argsort(-np.abs(sums), kind="stable")[: scorer._most].tolist()
        is_led_by_age = factors.names[order[0]] == AGE
        if is_led_by_age:  # true of everybody alike: never told first, and never alone
            order = [*order[1:], order[0]]
        told = [abs(sums[factor]) >= LEAST for factor in order]
        told[-1] &= not is_led_by_age or any(told[:-1])
        features = [
            max(np.flatnonzero(factors.of_feature == factor), key=lambda one: abs(share[one]))
            for factor in order
        ]
        assert reasons.factor[number].tolist() == order
        assert np.allclose(reasons.contribution[number], sums[order], rtol=0, atol=1e-12)
        assert reasons.told[number].tolist() == told
        assert reasons.feature[number].tolist() == features
        assert reasons.value[number].tolist() == rows[number, features].tolist()
        hours = np.expm1(rows[number, scorer.model.layout.features.index("profile/tenure")])
        young = [bool(hours < reaches[feature]) for feature in features]
        assert reasons.young[number].tolist() == young


def test_words_are_kept_from_snapshot_to_snapshot_as_long_as_the_layout_is(bench: Bench) -> None:
    first = scorer_of(bench)
    goal, known = first.goal, first.snapshot
    again = Scorer(goal, known.model_copy(update={"version": known.version + 1}), {}, 5, first)
    assert again.telling is first.telling
    fewer = trained(bench.engine.config, "churn", [])
    assert snapshot(fewer).layout != known.layout
    other = Scorer(goal, snapshot(fewer), {}, 5, first)
    assert other.telling.layout == snapshot(fewer).layout


@pytest.mark.parametrize("at_once", [1, 3, 39, 40])
def test_scores_do_not_depend_on_how_many_are_scored_at_once(
    bench: Bench, raw: RawFeatures, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = scorer_of(bench)
    together = scorer.score(raw)
    monkeypatch.setattr(module, "AT_ONCE", at_once)
    apart = scorer.score(raw)
    assert together.probability.tolist() == apart.probability.tolist()
    assert together.score.tolist() == apart.score.tolist()
    assert np.allclose(together.remainder, apart.remainder, rtol=0, atol=1e-12)
    assert together.reasons.factor.tolist() == apart.reasons.factor.tolist()
    assert together.reasons.feature.tolist() == apart.reasons.feature.tolist()
    assert together.reasons.young.tolist() == apart.reasons.young.tolist()
    assert together.reasons.told.tolist() == apart.reasons.told.tolist()
    assert np.allclose(together.reasons.contribution, apart.reasons.contribution, atol=1e-12)
    assert np.array_equal(together.reasons.value, apart.reasons.value, equal_nan=True)


@pytest.mark.parametrize("size", [1, 7, 40, 100])
def test_parts_of_raw_features_are_those_taken_one_by_one(raw: RawFeatures, size: int) -> None:
    start = 0
    for part in raw.parts(size):
        taken = raw.take(range(start, start + len(part)))
        for found, wanted in zip(part, taken, strict=True):
            assert np.array_equal(np.asarray(found, object), np.asarray(wanted, object))
        start += len(part)
    assert start == len(raw)
