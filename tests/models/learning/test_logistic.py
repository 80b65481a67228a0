"""The learner against its formula, written out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.learning.logistic import BayesianLogisticRegression, sigmoid

LABELLED = st.lists(
    st.tuples(st.lists(st.floats(-4, 4), min_size=5, max_size=5), st.integers(0, 1)),
    min_size=1,
    max_size=60,
)
NAMES = ["a", "b", "c", "d", "e"]


def plain(labelled: Any, prior: float, bias_prior: float, leak: float) -> Any:
    """The update as docs/accuracy.md states it."""
    v = np.array([bias_prior, *[prior / 5] * 5])
    w, covariance = np.zeros(6), np.diag(v)
    for x, y in labelled:
        h = np.array([1.0, *x])
        p = 1 / (1 + math.exp(-max(-30.0, min(30.0, float(w @ h)))))
        s = max(p * (1 - p), 1e-3)
        q = covariance @ h
        c = 1 + s * (h @ q)
        w = w + q * (y - p) / c
        covariance = covariance - (s / c) * np.outer(q, q)
        covariance = covariance * (1 - leak) + leak * np.diag(v)
    return w, covariance


@given(LABELLED, st.sampled_from([0.0, 1e-6, 1e-2]))
@settings(max_examples=80, deadline=None)
def test_learning_follows_the_formula(labelled: Any, leak: float) -> None:
    model = BayesianLogisticRegression(leak=leak)
    for x, y in labelled:
        model.learn_one(dict(zip(NAMES, x, strict=True)), y)
    weights, covariance = plain(labelled, 2.0, 1.0, leak)
    assert model.weights == pytest.approx(weights, rel=1e-9, abs=1e-9)
    assert model.covariance == pytest.approx(covariance, rel=1e-9, abs=1e-9)


def test_the_covariance_stays_positive_definite_over_many_labels() -> None:
    generator = np.random.default_rng(1)
    model = BayesianLogisticRegression(leak=1e-3)
    for _ in range(5_000):
        x = generator.normal(size=5)
        x[4] = x[3] + 1e-3 * x[4]  # nearly the same
        model.learn_one(dict(zip(NAMES, x, strict=True)), bool(x[0] + generator.normal() > 0))
    assert np.linalg.eigvalsh(model.covariance).min() > 1e-9
    assert model.weights[1] > 0.5


@given(LABELLED)
@settings(max_examples=60, deadline=None)
def test_unlearning_the_latest_label_undoes_its_share_of_the_covariance(labelled: Any) -> None:
    model = BayesianLogisticRegression(leak=0.0)
    *rest, (x, y) = labelled
    for before, label in rest:
        model.learn_one(dict(zip(NAMES, before, strict=True)), label)
    model.extend([name for name in NAMES if name not in model.names])
    row = np.array([1.0, *x])
    weights, covariance = model.weights.copy(), model.covariance
    p = sigmoid(float(row @ weights))
    model.learn_row(row, y)
    model.weights[:] = weights  # at the same probability the inverse update is exact
    assert p == sigmoid(float(row @ model.weights))
    if model.unlearn_row(row, y):
        assert model.covariance == pytest.approx(covariance, rel=1e-6, abs=1e-9)


def test_unlearning_is_refused_where_it_would_leave_nothing() -> None:
    model = BayesianLogisticRegression(bias_prior=1_000.0)
    model.extend(["a"])
    row = np.array([1.0, 5.0])
    before = model.covariance
    assert not model.unlearn_row(row, 0)
    assert model.covariance == pytest.approx(before)


def test_a_reversal_moves_the_model_towards_the_new_label() -> None:
    model = BayesianLogisticRegression()
    for number in range(200):
        model.learn_one({"a": math.sin(number), "b": math.cos(number)}, number % 3 == 0)
    row = np.array([1.0, 0.5, 0.2])
    model.learn_row(row, 0.0)
    before = model.probability(row)
    assert model.unlearn_row(row, 0.0)
    model.learn_row(row, 1.0)
    assert model.probability(row) > before


def test_a_new_feature_starts_at_zero_with_the_variance_of_the_prior() -> None:
    model = BayesianLogisticRegression(prior=2.0)
    model.learn_one({"a": 1.0}, True)
    before = model.weights.copy()
    model.extend(["b", "c"])
    assert model.weights.tolist() == [*before, 0.0, 0.0]
    assert model.covariance[2, 2] == pytest.approx(2.0 / 3)
    assert model.covariance[2, :2].tolist() == [0.0, 0.0]


def test_the_standard_error_falls_as_labels_come_in() -> None:
    model = BayesianLogisticRegression()
    row = np.array([1.0, 0.5])
    model.extend(["a"])
    start = model.standard_error(row)
    for number in range(50):
        model.learn_one({"a": math.sin(number)}, number % 2 == 0)
    assert 0 < model.standard_error(row) < start / 2


def test_a_weight_counts_an_example_more() -> None:
    once, twice = BayesianLogisticRegression(), BayesianLogisticRegression()
    once.learn_one({"a": 1.0}, True)
    twice.learn_one({"a": 1.0}, True, w=2.0)
    assert twice.weights[1] > once.weights[1] > 0
