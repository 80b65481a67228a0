"""Scores of many profiles at once: probability, score, and the reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from models.goals.compiled import CompiledGoal
from models.learning.snapshot import Snapshot
from models.learning.transform import base_features
from models.profiles.features import Float64, RawFeatures
from models.scoring.compiled import CompiledModel, probability
from models.scoring.factors import LEAST, factors_of, importance
from models.scoring.phrases import phrases_of

Factor = dict[str, str | float]


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

    def score(self, raw: RawFeatures) -> Scored:
        """Score profiles by their raw features."""
        model = self.model
        rows = base_features(model.layout, raw)
        design = model.design_of(rows)
        logits = model.logits(design)
        p = probability(logits)
        shares = self._by_feature(model.contributions(design))
        sums = shares @ self._factors.members
        factors = [
            self._told(row, share, total)
            for row, share, total in zip(rows, shares, sums.tolist(), strict=True)
        ]
        return Scored(
            p.tolist(),
            (100.0 * probability(logits - model.base_logit)).tolist(),
            factors,
            [
                _remainder(one, told, self.snapshot.base_rate)
                for one, told in zip(p.tolist(), factors, strict=True)
            ],
        )

    def _by_feature(self, contributions: Float64) -> Float64:
        """Contributions of features with their hinges: profiles x features."""
        shares = contributions[:, self.model.plain]
        shares[:, self.model.layout.hinged] += contributions[:, self.model.hinges]
        return shares

    def _told(self, row: Float64, share: Float64, sums: list[float]) -> list[Factor]:
        """The reasons of one profile: account age never first, nothing that hardly matters."""
        order = sorted(range(len(sums)), key=lambda number: -abs(sums[number]))[: self._most]
        order = [number for number in order if abs(sums[number]) >= LEAST]
        if order and order[0] in self._factors.last:
            order = [*order[1:], order[0]] if len(order) > 1 else []
        return [self._factor(number, sums[number], row, share) for number in order]

    def _factor(self, number: int, total: float, row: Float64, share: Float64) -> Factor:
        members = np.flatnonzero(self._factors.of_feature == number)
        telling = int(members[np.argmax(np.abs(share[members]))])
        return {
            "factor": self._factors.names[number],
            "text": self._phrases[telling](float(row[telling])),
            "contribution": total,
            "importance": importance(total),
        }


def _remainder(p: float, told: list[Factor], base_rate: float) -> float:
    logit = np.log(p / (1.0 - p)) - np.log(base_rate / (1.0 - base_rate))
    return float(logit) - sum(float(factor["contribution"]) for factor in told)
