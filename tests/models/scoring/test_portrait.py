"""Portraits of buckets add up to the scores they are about."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.learning.layout import Layout
from models.profiles.features import RawFeatures
from models.scoring.phrases import phrases_of
from models.scoring.portrait import BUCKETS, Portrait, edges_of, labels_of
from models.scoring.readings import FLAG, SHARE, Reading, readings_of
from models.scoring.scorer import Scorer
from tests.support.factories import Bench, snapshot, trained


@pytest.fixture(scope="module")
def scorer(bench: Bench) -> Scorer:
    trainer = trained(bench.engine.config, "churn", bench.steps)
    return Scorer(bench.engine.compiled.goals[0], snapshot(trainer), {}, 50)


def test_every_profile_is_in_the_bucket_of_its_score(scorer: Scorer, raw: RawFeatures) -> None:
    portrait = Portrait(scorer, {}, raw)
    scores = scorer.score(raw).score
    assert portrait.scores == pytest.approx(scores)
    expected = [(scores < 25).sum(), ((scores >= 25) & (scores < 75)).sum(), (scores >= 75).sum()]
    assert [one["profiles"] for one in portrait.buckets()] == expected
    assert len(raw) == 40


def test_contributions_are_the_means_of_those_in_the_scores(
    scorer: Scorer, raw: RawFeatures
) -> None:
    portrait = Portrait(scorer, {}, raw)
    reasons = scorer.score(raw).reasons
    for number, bucket in enumerate(portrait.buckets()):
        inside = np.digitize(portrait.scores, (25.0, 75.0)) == number
        for one in bucket["factors"]:
            place = scorer.factors.names.index(one["factor"])
            found = np.where(reasons.factor == place, reasons.contribution, 0.0).sum(axis=1)
            assert one["contribution"] == pytest.approx(found[inside].mean())
            assert one["coverage"] == pytest.approx((np.abs(found[inside]) >= 0.1).mean())


def test_values_of_each_factor_are_counted_in_the_same_bins_for_every_bucket(
    scorer: Scorer, raw: RawFeatures
) -> None:
    portrait = Portrait(scorer, {}, raw)
    sizes = [one["profiles"] for one in portrait.buckets()]
    for factor in portrait.factors():
        counts = [factor["counts"][bucket] for bucket in BUCKETS]
        assert [sum(one) for one in counts] == sizes
        assert {len(one) for one in counts} == {len(factor["bins"])}


def test_the_age_of_an_account_is_told_right_by_whichever_knot_says_most() -> None:
    layout = Layout()
    days = 146.0
    log_hours = np.log1p(days * 24)
    phrases, readings = phrases_of(layout, {}), readings_of(layout, {})
    for place, name in enumerate(layout.features):
        if name.startswith("profile/tenure"):
            knot = float(name.rpartition("_")[2].rstrip("d")) if "_" in name else 0.0
            value = log_hours - np.log1p(knot * 24)
            assert phrases[place](value) == "Known for 5 months", name
            assert readings[place].convert(np.array([value]))[0] == pytest.approx(days)
            if knot:
                assert phrases[place](0.0).startswith("Known for less than")


def test_where_most_have_none_the_others_are_told_apart() -> None:
    """Nine in ten never used a coupon: one bin for all would say nothing of the others."""
    coupons = np.concatenate((np.zeros(900), np.full(60, 1e-3), np.linspace(1, 12, 40)))
    reading = Reading("Coupon", "", np.expm1)
    edges = edges_of(coupons, reading)
    labels = labels_of(edges, reading)
    counts = np.bincount(np.digitize(coupons, edges[1:-1]), minlength=len(edges) - 1)
    assert counts[0] == 960
    assert counts[1:].min() > 0
    assert len(counts) == len(labels) == len(set(labels)) > 4


@pytest.mark.parametrize("unit", ["", "days", SHARE])
@given(st.lists(st.floats(0, 1e4) | st.sampled_from([0.0, 1.0]), max_size=60))
def test_bins_have_names_of_their_own(unit: str, values: list[float]) -> None:
    reading = Reading("Any", unit, np.expm1)
    edges = edges_of(np.array(values), reading)
    labels = labels_of(edges, reading)
    assert len(labels) == len(set(labels)) == max(len(edges) - 1, 1)
    assert not any(low == high for low, _, high in (one.partition(" to ") for one in labels))


def test_what_is_no_or_yes_is_told_so() -> None:
    reading = Reading("Coupon: never", FLAG, np.expm1)
    edges = edges_of(np.array([0.0, 1.0, 1.0]), reading)
    assert labels_of(edges, reading) == ["no", "yes"]
    assert np.digitize([0.0, 1.0], edges[1:-1]).tolist() == [0, 1]
