"""What the insights topic says of a goal is what its matured tickets say."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from sklearn.metrics import log_loss, roc_auc_score

from models.goals.examples import Example
from models.learning.readiness import LEAST_AUC
from models.learning.state import dump_trainer, load_trainer
from models.learning.trainer import Trainer, trainers_of
from models.quality.insight import InsightRecord, insight_of
from tests.support.factories import Bench, config, goal, habits, records

QUESTIONS = config({"churn": goal(tickets={"every": "2h"})})


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    """Prequential: every run is scored with what the runs before it have taught."""
    bench, trainer = Bench(QUESTIONS), trainers_of(QUESTIONS)["churn"]
    log, found = records(habits(profiles=30, days=20)), []
    for at in range(0, len(log), 20):
        step = bench.step(log[at : at + 20])
        trainer.learn(step.examples)
        bench.engine.adopt(trainer.snapshot())
        found += step.examples
    return found


@pytest.fixture(scope="module")
def trainer(examples: list[Example]) -> Trainer:
    trainer = trainers_of(QUESTIONS)["churn"]
    trainer.learn(examples)
    return trainer


@pytest.fixture(scope="module")
def insight(trainer: Trainer) -> InsightRecord:
    return insight_of(trainer)


def test_quality_of_all_time_is_that_of_every_ticket_with_a_probability(
    insight: InsightRecord, examples: list[Example]
) -> None:
    told = [one for one in examples if one.probability is not None]
    y, p = np.array([one.label for one in told]), np.array([one.probability for one in told])
    found = insight.quality["all"]
    assert found.tickets == len(told) > 3_000
    assert found.auc == pytest.approx(roc_auc_score(y, p), abs=2e-3)
    assert found.log_loss == pytest.approx(log_loss(y, p), rel=1e-6)
    assert found.base_rate == pytest.approx(y.mean())
    assert found.lift is not None
    assert found.lift > 1.0


def test_spans_are_by_the_tickets_due_times(
    insight: InsightRecord, examples: list[Example]
) -> None:
    assert list(insight.quality) == ["day", "week", "window", "all"]
    last = max(one.due for one in examples)
    for span, length in (("day", 86_400_000), ("week", 7 * 86_400_000)):
        least = sum(one.due > last - length * 7 // 8 for one in examples)
        most = sum(one.due > last - length for one in examples)
        assert least <= insight.quality[span].tickets <= most


def test_baselines_are_judged_over_the_same_tickets_and_are_beaten(insight: InsightRecord) -> None:
    assert list(insight.baselines) == ["base_rate", "recency"]
    model = insight.quality["all"]
    for spans in insight.baselines.values():
        assert [one.tickets for one in spans.values()] == [
            one.tickets for one in insight.quality.values()
        ]
        assert spans["all"].log_loss is not None
        assert model.log_loss is not None
        assert model.log_loss < spans["all"].log_loss


def test_factors_and_scores_are_told(insight: InsightRecord) -> None:
    assert insight.factors[0].share == max(one.share for one in insight.factors)
    assert sum(one.share for one in insight.factors) == pytest.approx(1.0)
    assert insight.factor_stability is not None
    assert 0.0 < insight.factor_stability <= 1.0
    assert sum(insight.scores) == insight.quality["window"].tickets
    assert insight.ticket_age_seconds == pytest.approx(86_400, rel=0.2)


def test_a_goal_that_ranks_no_better_than_chance_is_degraded_and_says_why() -> None:
    questions = config({"churn": goal(tickets={"every": "1h"})})
    examples = [
        one
        for step in Bench(questions).run(records(habits(profiles=30, days=6)))
        for one in step.examples
    ]
    rate = sum(one.label for one in examples) / len(examples)
    trainer = trainers_of(questions)["churn"]
    trainer.learn([replace(one, probability=rate) for one in examples])
    found = insight_of(trainer)
    assert found.quality["window"].tickets >= 500
    assert (found.status, found.reason) == ("degraded", "auc_too_low")
    assert (found.have, found.need) == (0.5, LEAST_AUC)
    assert "0.500" in found.text


def test_insights_survive_a_restart(trainer: Trainer, insight: InsightRecord) -> None:
    again = trainers_of(QUESTIONS)["churn"]
    load_trainer(again, dump_trainer(trainer))
    assert insight_of(again) == insight
