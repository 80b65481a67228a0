"""Scores of many profiles at once: probability, score, and the reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from models.goals.compiled import CompiledGoal
from models.learning.snapshot import Snapshot
from models.learning.transform import base_features
from models.profiles.features import Float64, Int, RawFeatures
from models.scoring.compiled import CompiledModel, probability
from models.scoring.factors import LEAST, factors_of, importance
from models.scoring.phrases import phrases_of

Factor = dict[str, Any]


class Scored(NamedTuple):
    """What a model says of several profiles.

    Parameters
    ----------
    probability, score
        0 to 1, and 0 to 100, one each.
    factors
        Reasons of each, strongest first.
    remainder
        What the reasons leave of logit p - logit b.
    """

    probability: list[float]
    score: list[float]
    factors: list[list[Factor]]
    remainder: list[float]


class Scorer:
    """A snapshot made ready to score with reasons.

    Parameters
    ----------
    goal
        Whose model it is.
    snapshot
        The model.
    titles
        What people call the user's own events, by source.
    max_factors
        Reasons in a score, at most.
    """

    def __init__(
        self, goal: CompiledGoal, snapshot: Snapshot, titles: Mapping[str, str], max_factors: int
    ) -> None:
        self.goal = goal
        self.snapshot = snapshot
        self.model = CompiledModel(snapshot)
        self._factors = factors_of(self.model.layout)
        self._phrases = phrases_of(self.model.layout, titles)
        self._most = min(max_factors, len(self._factors.names))
        self._members = [
            np.flatnonzero(self._factors.of_feature == number)
            for number in range(len(self._factors.names))
        ]
        rate = snapshot.base_rate
        self._base_logit = float(np.log(rate / (1.0 - rate)))

    def score(self, raw: RawFeatures) -> Scored:
        """Score profiles by their raw features."""
        model = self.model
        rows = base_features(model.layout, raw)
        design = model.design_of(rows)
        logits = model.logits(design)
        p = probability(logits)
        told = self._told(rows, self._by_feature(model.contributions(design)))
        rest = np.log(p / (1.0 - p)) - self._base_logit
        return Scored(
            p.tolist(),
            (100.0 * probability(logits - model.base_logit)).tolist(),
            told,
            [
                logit - sum(factor["contribution"] for factor in factors)
                for logit, factors in zip(rest.tolist(), told, strict=True)
            ],
        )

    def _by_feature(self, contributions: Float64) -> Float64:
        """Contributions of features with their hinges: profiles x features."""
        shares = contributions[:, self.model.plain]
        shares[:, self.model.layout.hinged] += contributions[:, self.model.hinges]
        return shares

    def _told(self, rows: Float64, shares: Float64) -> list[list[Factor]]:
        """The reasons of each profile, strongest first."""
        sums = shares @ self._factors.members
        order = np.argsort(-np.abs(sums), axis=1, kind="stable")[:, : self._most]
        telling = self._telling(shares)
        picked = np.take_along_axis(telling, order, axis=1)
        return [
            self._reasons(*one)
            for one in zip(
                order.tolist(),
                np.take_along_axis(sums, order, axis=1).tolist(),
                picked.tolist(),
                np.take_along_axis(rows, picked, axis=1).tolist(),
                strict=True,
            )
        ]

    def _telling(self, shares: Float64) -> Int:
        """For each profile and factor, the feature that contributes most to it."""
        sizes = np.abs(shares)
        return np.column_stack(
            [members[np.argmax(sizes[:, members], axis=1)] for members in self._members]
        )

    def _reasons(
        self, order: list[int], sums: list[float], telling: list[int], values: list[float]
    ) -> list[Factor]:
        """The reasons of one profile: account age never first, nothing that hardly matters."""
        reasons: list[Factor] = []
        late: list[Factor] = []
        for number, total, feature, value in zip(order, sums, telling, values, strict=True):
            if abs(total) < LEAST:
                break
            factor: Factor = {
                "factor": self._factors.names[number],
                "text": self._phrases[feature](value),
                "contribution": total,
                "importance": importance(total),
            }
            (reasons if reasons or number not in self._factors.last else late).append(factor)
        return reasons + late if reasons else []
