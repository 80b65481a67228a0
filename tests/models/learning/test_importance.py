"""Importance is the mean size of contributions, and does not depend on how labels are cut."""

from __future__ import annotations

import numpy as np
import pytest

from models.learning.importance import EVERY, MARKS, MEMORY, Importance
from models.scoring.factors import factors_of
from tests.support.factories import Bench, config, goal, habits, records, trained

QUESTIONS = config({"churn": goal(tickets={"every": "2h"})})


def test_factors_are_those_of_the_scores_and_their_shares_sum_to_one() -> None:
    bench = Bench(QUESTIONS)
    trainer = trained(QUESTIONS, "churn", bench.run(records(habits(30, 12))))
    importance = trainer.model.importance
    assert importance.observed == trainer.labels // EVERY > 50
    assert set(importance.means) <= set(factors_of(trainer.model.features.layout).names)
    assert sum(importance.shares.values()) == pytest.approx(1.0)
    assert max(importance.shares, key=importance.shares.__getitem__).startswith(
        ("event/basket", "profile/")
    )


def test_runs_of_any_size_give_the_same_importance() -> None:
    log = records(habits(20, 8))
    found = [
        trained(QUESTIONS, "churn", Bench(QUESTIONS).run(log, size)).model.importance.dump()
        for size in (7, 1_000)
    ]
    assert found[0] == found[1]


def test_what_stays_is_stable_and_what_changes_is_not() -> None:
    steady, jumpy = Importance(), Importance()
    for number in range(MEMORY * MARKS * 4):
        steady.observe(("a", "b"), np.array([3.0, 1.0]))
        late = number > MEMORY * (MARKS * 4 - 2)
        jumpy.observe(("a", "b"), np.array([0.0, 1.0] if late else [1.0, 0.0]))
    assert steady.stability == pytest.approx(1.0)
    assert jumpy.stability is not None
    assert jumpy.stability < 0.5
