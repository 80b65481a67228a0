"""A snapshot compiled to arrays: the logits and factors of many profiles at once."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from models.learning.layout import Layout
from models.learning.logistic import LARGEST_LOGIT
from models.learning.scaler import positions, standardise
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
        self.slope, self.bend = self.by_feature(self.weights)
        centre, centre_of_hinge = self.by_feature(self.centre)
        #: What the features of an average profile add to the logit.
        self.average = centre * self.slope + centre_of_hinge * self.bend

    def by_feature(self, numbers: Float64) -> tuple[Float64, Float64]:
        """Numbers of a design vector: of each feature, and of its hinge, zero where it has none."""
        hinges = np.zeros(len(self.plain))
        hinges[self.layout.hinged] = numbers[self.hinges]
        return numbers[self.plain], hinges

    @cached_property
    def base_logit(self) -> float:
        """The logit of the base rate: where a score is 50."""
        rate = self.snapshot.base_rate
        return float(np.log(rate / (1.0 - rate)))

    def terms(self, rows: Float64) -> Float64:
        """What each feature, its hinge included, adds to the logit: profiles x features.

        Parameters
        ----------
        rows
            Features before scaling: profiles x features.
        """
        z = standardise(rows, self.mean, self.deviation, self.snapshot.clip)
        terms = np.maximum(z, 0.0)
        terms *= self.bend
        terms += z * self.slope
        return terms

    def shares(self, terms: Float64) -> Float64:
        """The same beside an average profile."""
        return terms - self.average

    def logits(self, terms: Float64) -> Float64:
        """The logit of each profile, cut at +-30; row by row, so whatever else is in the batch."""
        found = terms.sum(axis=1) + self.weights[0]
        cut: Float64 = np.clip(found, -LARGEST_LOGIT, LARGEST_LOGIT)
        return cut

    def probabilities(self, raw: RawFeatures) -> Float64:
        """The probability of each profile."""
        return probability(self.logits(self.terms(base_features(self.layout, raw))))


def probability(logits: Float64) -> Float64:
    """The sigmoid of logits."""
    return 1.0 / (1.0 + np.exp(-logits))
