"""The online model of one goal: a River pipeline, and the same pipeline over arrays.

``pipeline`` is the model as River knows it: raw features by name in, a probability out. Learning
thousands of labels a second goes through the same three objects row by row in arrays, which gives
the same model (a test); the transformers work on whole batches, the learner label by label.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from river import compose

from models.learning.importance import EVERY, Importance
from models.learning.layout import Layout
from models.learning.logistic import BayesianLogisticRegression
from models.learning.scaler import HingeScaler, design_rows, positions
from models.learning.transform import base_features
from models.learning.vocabulary import ProfileFeatures
from models.profiles.features import Float64, RawProfile, stack

if TYPE_CHECKING:
    from river import linear_model

    Learner = BayesianLogisticRegression | linear_model.LogisticRegression

#: Over how many tickets the centre of the factors is remembered.
CENTRE_MEMORY = 2_000.0
#: Over how many labels the base rate is remembered.
RATE_MEMORY = 20_000.0


def new_learner(kind: Literal["bayesian", "ftrl"]) -> Learner:
    """A learner by the name it has in the configuration."""
    if kind == "bayesian":
        return BayesianLogisticRegression()
    # Brings all of scipy.stats along, which takes as long to import as everything else.
    from river import linear_model, optim  # noqa: PLC0415

    return linear_model.LogisticRegression(optimizer=optim.FTRLProximal(alpha=0.03))


class PropensityModel:
    """The online model of one goal.

    Parameters
    ----------
    own
        Sources that the goal is about.
    kind
        Which learner.

    Examples
    --------
    >>> model = PropensityModel(own=("event/basket",), kind="bayesian")
    >>> list(model.pipeline.steps)
    ['ProfileFeatures', 'HingeScaler', 'BayesianLogisticRegression']
    """

    def __init__(self, own: tuple[str, ...], kind: Literal["bayesian", "ftrl"]) -> None:
        self.features = ProfileFeatures(own=own)
        self.scaler = HingeScaler()
        self.learner = new_learner(kind)
        self.pipeline = compose.Pipeline(self.features, self.scaler, self.learner)
        self.importance = Importance()
        self.learned = 0
        self.centre = np.zeros(1)
        self.labels = 0.0
        self.rate = 0.0
        self._fitted: Layout | None = None
        self.fit_layout()

    @property
    def base_rate(self) -> float:
        """The share of outcomes among the labels, lately; never quite 0 or 1."""
        return (self.rate * self.labels + 1.0) / (self.labels + 2.0)

    @property
    def weights(self) -> Float64:
        """The weights of the design vector, the bias first."""
        if isinstance(self.learner, BayesianLogisticRegression):
            return self.learner.weights
        known = self.learner.weights
        return np.array([self.learner.intercept, *[known.get(name, 0.0) for name in self.names]])

    def learn(self, raw: Sequence[RawProfile], labels: Sequence[int]) -> None:
        """Learn labelled tickets in order; how they are cut into calls makes no difference."""
        start = 0
        while start < len(raw):
            end = min(len(raw), start + self.features.left_in_term)
            self._learn_within_term(raw[start:end], labels[start:end])
            start = end

    def reverse(self, raw: RawProfile, label: int) -> bool:
        """Take a label back and learn the opposite one.

        Returns
        -------
        Whether the old label could be taken back; the new one is learned in any case.
        """
        row = self.design([raw])[0]
        undone = self._unlearn(row, 1 - label)
        self._learn_row(row, label)
        corrected = self.rate + (label - (1 - label)) / max(self.labels, 1.0)
        self.rate = min(max(corrected, 0.0), 1.0)  # what is forgotten cannot be taken back
        return undone

    def design(self, raw: Sequence[RawProfile]) -> Float64:
        """Design vectors of raw features, with the statistics as they are."""
        rows = base_features(self.features.layout, stack(raw))
        z = np.clip((rows - self.scaler.mean) / self.scaler.deviation, -4.0, 4.0)
        return self._design_of(np.where(np.isnan(z), 0.0, z))

    def _learn_within_term(self, raw: Sequence[RawProfile], labels: Sequence[int]) -> None:
        self.features.learn_raw(raw)
        self.fit_layout()
        z = self.scaler.learn_rows(base_features(self.features.layout, stack(raw)))
        for row, label in zip(self._design_of(z), labels, strict=True):
            self._learn_row(row, label)
            self._count(row, label)
            self.learned += 1
            if self.learned % EVERY == 0:
                self._weigh(row)

    def _learn_row(self, row: Float64, label: int) -> None:
        if isinstance(self.learner, BayesianLogisticRegression):
            self.learner.learn_row(row, label)
        else:
            self.learner.learn_one(dict(zip(self.names, row[1:].tolist(), strict=True)), label)

    def _unlearn(self, row: Float64, label: int) -> bool:
        if isinstance(self.learner, BayesianLogisticRegression):
            return self.learner.unlearn_row(row, label)
        x = dict(zip(self.names, row[1:].tolist(), strict=True))
        self.learner.learn_one(x, label, w=-1.0)
        return True

    def _count(self, row: Float64, label: int) -> None:
        """Bring base rate and centre forward by one ticket."""
        self.labels = min(self.labels + 1.0, RATE_MEMORY)
        self.rate += (label - self.rate) / self.labels
        self.centre += (row - self.centre) / min(self.labels, CENTRE_MEMORY)

    def _weigh(self, row: Float64) -> None:
        """Look at how much each factor says of a ticket."""
        added = (row - self.centre) * self.weights
        layout = self.features.layout
        self.importance.observe_design(layout, added, self._plain, self._hinges)

    def _design_of(self, z: Float64) -> Float64:
        return design_rows(z, self._plain, self._hinges, self.features.layout.hinged)

    def fit_layout(self) -> None:
        """Make room in scaler, learner and centre for what the layout has gained."""
        layout = self.features.layout
        if layout is self._fitted:
            return
        self._fitted = layout
        self.scaler.extend(layout.features[len(self.scaler.names) :])
        self._plain, self._hinges = positions(layout.features)
        self.names = [""] * (len(self._plain) + len(self._hinges))
        for place, name in zip(self._plain, layout.features, strict=True):
            self.names[place - 1] = name
        for place, number in zip(self._hinges, layout.hinged, strict=True):
            self.names[place - 1] = layout.features[number] + "+"
        if isinstance(self.learner, BayesianLogisticRegression):
            self.learner.extend(self.names[len(self.learner.names) :])
        grown = np.zeros(1 + len(self.names))
        grown[: len(self.centre)] = self.centre
        self.centre = grown
