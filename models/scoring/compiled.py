"""A snapshot compiled to arrays: the logits and factors of many profiles at once."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from models.learning.layout import Layout
from models.learning.logistic import LARGEST_LOGIT
from models.learning.scaler import design_rows, positions, standardise
from models.learning.snapshot import Snapshot
from models.learning.transform import base_features
from models.profiles.features import Float64, RawFeatures


class CompiledModel:
    """A snapshot, ready to score.

    Parameters
    ----------
    snapshot
        A valid one.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.layout: Layout = snapshot.layout
        self.mean = np.array(snapshot.mean)
        self.deviation = np.array(
            [np.inf if known is None else known for known in snapshot.deviation]
        )
        self.weights = np.array(snapshot.weights)
        self.centre = np.array(snapshot.centre)
        self.plain, self.hinges = positions(self.layout.features)

    @cached_property
    def base_logit(self) -> float:
        """The logit of the base rate: where a score is 50."""
        rate = self.snapshot.base_rate
        return float(np.log(rate / (1.0 - rate)))

    def design(self, raw: RawFeatures) -> Float64:
        """Design vectors: profiles x weights."""
        return self.design_of(base_features(self.layout, raw))

    def design_of(self, rows: Float64) -> Float64:
        """Design vectors from features before scaling."""
        z = standardise(rows, self.mean, self.deviation, self.snapshot.clip)
        return design_rows(z, self.plain, self.hinges, self.layout.hinged)

    def logits(self, design: Float64) -> Float64:
        """The logit of each profile, cut at +-30; row by row, so whatever else is in the batch."""
        found = (design * self.weights).sum(axis=1)
        cut: Float64 = np.clip(found, -LARGEST_LOGIT, LARGEST_LOGIT)
        return cut

    def probabilities(self, raw: RawFeatures) -> Float64:
        """The probability of each profile."""
        return probability(self.logits(self.design(raw)))

    def contributions(self, design: Float64) -> Float64:
        """What each weight adds to the logit, beside an average profile: profiles x weights."""
        added: Float64 = (design - self.centre) * self.weights
        return added


def probability(logits: Float64) -> Float64:
    """The sigmoid of logits."""
    return 1.0 / (1.0 + np.exp(-logits))
