"""The pipeline, its array form and its snapshot are one model."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from models.goals.examples import Example
from models.learning.logistic import BayesianLogisticRegression
from models.learning.model import PropensityModel
from models.learning.vocabulary import TERM, WARM_UP
from models.profiles.features import named_features, stack
from models.scoring.compiled import CompiledModel
from tests.support.factories import START, Bench, config, goal, habits, records, trained

OWN = ("event/basket",)


@pytest.fixture(scope="module")
def closed() -> list[Example]:
    """Examples of a lively month: values, attributes, several sources."""
    asked = config(
        {"churn": goal(tickets={"every": "12h"})},
        events={"value": "properties.amount"},
        attributes={"plan": "properties.plan", "amount": "properties.amount"},
        named={"big": {"where": {"field": "properties.amount", "at_least": 50}}},
    )
    steps = Bench(asked).run(records(habits(profiles=40, days=30, start=START)))
    found = [one for step in steps for one in step.examples]
    assert len(found) > 2 * TERM > WARM_UP
    return found


def learned(
    closed: list[Example], size: int, kind: Literal["bayesian", "ftrl"] = "bayesian"
) -> PropensityModel:
    model = PropensityModel(OWN, kind)
    for at in range(0, len(closed), size):
        part = closed[at : at + size]
        model.learn([one.raw for one in part], [one.label for one in part])
    return model


@pytest.mark.parametrize("kind", ["bayesian", "ftrl"])
def test_examples_in_any_cut_give_a_bit_equal_model(closed: list[Example], kind: Any) -> None:
    closed = closed if kind == "bayesian" else closed[:400]
    whole = learned(closed, 10_000, kind)
    for size in (1, 7, 333):
        cut = learned(closed, size, kind)
        assert cut.weights.tobytes() == whole.weights.tobytes()
        assert cut.scaler.mean.tobytes() == whole.scaler.mean.tobytes()
        assert cut.centre.tobytes() == whole.centre.tobytes()
        assert cut.base_rate == whole.base_rate


def test_the_river_pipeline_learns_the_same_model_as_its_array_form(
    closed: list[Example],
) -> None:
    arrays = learned(closed, 1_000)
    pipeline = PropensityModel(OWN, "bayesian")
    for one in closed:
        pipeline.pipeline.learn_one(dict(named_features(one.raw)), bool(one.label))
    assert pipeline.features.layout == arrays.features.layout
    assert isinstance(pipeline.learner, BayesianLogisticRegression)
    assert pipeline.learner.names == arrays.names
    assert pipeline.weights == pytest.approx(arrays.weights, rel=1e-6, abs=1e-8)
    assert pipeline.scaler.mean == pytest.approx(arrays.scaler.mean, rel=1e-9)


@pytest.mark.parametrize("kind", ["bayesian", "ftrl"])
def test_compiled_snapshot_and_river_pipeline_agree_to_1e_9(
    closed: list[Example], kind: Literal["bayesian", "ftrl"]
) -> None:
    asked = config({"churn": goal(tickets={"every": "12h"}, model=kind)})
    trainer = trained(asked, "churn", [])
    model = learned(closed[:1_200], 1_000, kind)
    trainer.model = model
    compiled = CompiledModel(trainer.snapshot())
    fast = compiled.probabilities(stack([one.raw for one in closed]))
    river = [
        model.pipeline.predict_proba_one(dict(named_features(one.raw)))[True] for one in closed
    ]
    assert len(river) > 1_000
    assert np.abs(fast - river).max() < 1e-9


def test_the_batch_a_profile_is_in_does_not_change_its_probability(closed: list[Example]) -> None:
    trainer = trained(config({"churn": goal(tickets={"every": "12h"})}), "churn", [])
    trainer.model = learned(closed, 1_000)
    compiled = CompiledModel(trainer.snapshot())
    together = compiled.probabilities(stack([one.raw for one in closed[:200]]))
    alone = [compiled.probabilities(stack([one.raw]))[0] for one in closed[:200]]
    assert together.tolist() == alone


def test_predicting_changes_nothing(closed: list[Example]) -> None:
    model = learned(closed, 1_000)
    before = (model.weights.tobytes(), model.scaler.mean.tobytes(), model.features.seen)
    model.pipeline.predict_proba_one(dict(named_features(closed[0].raw)))
    assert before == (model.weights.tobytes(), model.scaler.mean.tobytes(), model.features.seen)


def test_a_reversal_takes_a_label_back_and_learns_the_other(closed: list[Example]) -> None:
    model = learned(closed, 1_000)
    negative = next(one for one in closed if one.label == 0)
    learner = model.learner
    assert isinstance(learner, BayesianLogisticRegression)
    before = learner.probability(model.design([negative.raw])[0])
    rate = model.base_rate
    assert model.reverse(negative.raw, 1)
    assert learner.probability(model.design([negative.raw])[0]) > before
    assert model.base_rate > rate


@pytest.mark.parametrize(("label", "bound"), [(0, 1.0), (1, 0.0)])
def test_the_base_rate_stays_a_rate_when_more_labels_are_reversed_than_it_remembers(
    closed: list[Example], monkeypatch: pytest.MonkeyPatch, label: int, bound: float
) -> None:
    monkeypatch.setattr("models.learning.model.RATE_MEMORY", 50.0)
    model = PropensityModel(OWN, "bayesian")
    raw = [one.raw for one in closed[:90]]
    model.learn(raw, [label] * len(raw))
    for one in raw:
        model.reverse(one, 1 - label)
    assert 0.0 < model.base_rate < 1.0
    assert abs(model.base_rate - bound) < 0.1
