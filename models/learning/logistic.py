"""Online Bayesian logistic regression with the full covariance of its weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from river import base
from scipy.linalg.blas import dsymv, dsyr

from models.profiles.features import Float64

#: Logits are cut here: nobody needs odds beyond, and a probability stays apart from 0 and 1.
LARGEST_LOGIT = 30.0
#: The least variance of a label, so that a surprising one can still move the weights.
LEAST_VARIANCE = 1e-3
#: A label is only taken back while that leaves at least this share of what it left.
LEAST_LEFT = 0.05
#: The covariance is stored without its shrinking factor, which is multiplied in before this.
SMALLEST_SCALE = 1e-3


def sigmoid(logit: float) -> float:
    """The probability of a logit, cut at +-30."""
    return 1.0 / (1.0 + math.exp(-max(-LARGEST_LOGIT, min(LARGEST_LOGIT, logit))))


class BayesianLogisticRegression(base.Classifier):
    """Logistic regression learned by an extended Kalman filter, one label at a time.

    There is no learning rate: the covariance of the weights says how far each label moves each of
    them. A new feature starts at weight zero with the variance of the prior. Slowly the covariance
    leaks back towards the prior, so that the model never stops adapting.

    Source: Penny and Roberts, "Dynamic logistic regression", IJCNN 1999, with the settings measured
    in docs/accuracy.md.

    Parameters
    ----------
    prior
        Variance of all weights together, shared equally between them.
    bias_prior
        Variance of the bias.
    leak
        Share of the prior that flows back at every label.

    Examples
    --------
    >>> model = BayesianLogisticRegression()
    >>> for _ in range(20):
    ...     model.learn_one({"silent": 1.0}, True)
    ...     model.learn_one({"silent": -1.0}, False)
    >>> model.predict_one({"silent": 1.0}), model.predict_one({"silent": -1.0})
    (True, False)
    """

    def __init__(self, prior: float = 2.0, bias_prior: float = 1.0, leak: float = 1e-6) -> None:
        self.prior = prior
        self.bias_prior = bias_prior
        self.leak = leak
        self.names: list[str] = []
        self.weights = np.zeros(1)
        self.variance = np.array([bias_prior])
        self._index: dict[str, int] = {}
        self.scale = 1.0
        # The lower triangle of the covariance divided by the scale, in Fortran order for BLAS.
        self.stored = np.asfortranarray([[bias_prior]])

    def extend(self, names: list[str] | tuple[str, ...]) -> None:
        """Get ready for more features, after those there are."""
        if not names:
            return
        for name in names:
            self.names.append(name)
            self._index[name] = len(self.names)
        size, old = len(self.names) + 1, len(self.weights)
        fresh = np.full(len(names), self.prior / (size - 1))
        self.weights = np.concatenate((self.weights, np.zeros(len(names))))
        self.variance = np.concatenate((self.variance, fresh))
        stored = np.zeros((size, size), order="F")
        stored[:old, :old] = self.stored
        stored[range(old, size), range(old, size)] = fresh / self.scale
        self.stored = stored

    @property
    def covariance(self) -> Float64:
        """The covariance of bias and weights."""
        lower = np.tril(self.stored) * self.scale
        return lower + np.tril(lower, -1).T

    def restore(self, weights: Float64, variance: Float64, stored: Float64, scale: float) -> None:
        """Take over numbers that a learner with the same names has had."""
        self.weights, self.variance = weights, variance
        self.stored, self.scale = np.asfortranarray(stored), scale

    def learn_one(
        self, x: dict[base.typing.FeatureName, Any], y: base.typing.ClfTarget, w: float = 1.0
    ) -> None:
        """Learn a label, with a weight."""
        self.extend([str(name) for name in x if name not in self._index])
        self.learn_row(self._row(x), float(y), w)

    def predict_proba_one(
        self, x: dict[base.typing.FeatureName, Any], **_: Any
    ) -> dict[base.typing.ClfTarget, float]:
        """The probability of either label."""
        p = self.probability(self._row(x))
        return {False: 1.0 - p, True: p}

    def probability(self, row: Float64) -> float:
        """The probability of a design vector, the bias's 1 in front."""
        return sigmoid(float((row * self.weights).sum()))

    def learn_row(self, row: Float64, y: float, w: float = 1.0) -> None:
        """Learn the label ``y`` (0 or 1) of a design vector with the weight ``w``.

        With p the probability, s = max(p(1-p), 1e-3) w, q = P h and c = 1 + s h.q:
        weights += q (y-p) w/c; P -= (s/c) q q'; then P = (1-e) P + e prior.
        """
        p = self.probability(row)
        s = max(p * (1.0 - p), LEAST_VARIANCE) * w
        q = dsymv(self.scale, self.stored, row, lower=1)
        c = 1.0 + s * float(row @ q)
        self.weights += q * ((y - p) * w / c)
        self._downdate(q, s / c)

    def unlearn_row(self, row: Float64, y: float) -> bool:
        """Take a label back that was learned with these features; the inverse rank-one update.

        Returns
        -------
        False when it would leave the covariance ill-conditioned; then nothing has changed.
        """
        p = self.probability(row)
        s = max(p * (1.0 - p), LEAST_VARIANCE)
        q = dsymv(self.scale, self.stored, row, lower=1)
        c = 1.0 - s * float(row @ q)
        if c < LEAST_LEFT:
            return False
        self.weights -= q * ((y - p) / c)
        self.stored = dsyr(s / c / self.scale, q, lower=1, a=self.stored, overwrite_a=1)
        return True

    def standard_error(self, row: Float64) -> float:
        """The standard error of the logit of a design vector."""
        return math.sqrt(max(float(row @ dsymv(self.scale, self.stored, row, lower=1)), 0.0))

    def _downdate(self, q: Float64, share: float) -> None:
        """P -= share q q', then let the prior leak in."""
        self.stored = dsyr(-share / self.scale, q, lower=1, a=self.stored, overwrite_a=1)
        self.scale *= 1.0 - self.leak
        self.stored.ravel(order="K")[:: len(q) + 1] += (self.leak / self.scale) * self.variance
        if self.scale < SMALLEST_SCALE:
            self.stored *= self.scale
            self.scale = 1.0

    def _row(self, x: dict[base.typing.FeatureName, Any]) -> Float64:
        row = np.zeros(len(self.weights))
        row[0] = 1.0
        for name, value in x.items():
            number = self._index.get(str(name))
            if number is not None:
                row[number] = value
        return row
