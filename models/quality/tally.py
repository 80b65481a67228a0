"""Quality of probabilities against outcomes, in a fixed number of counters.

Labels are counted in bins of the logit that was said at T0, so that everything a dashboard asks
for (AUC, calibration, lift) comes from sums that can be added and taken apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

BINS = 128
_SPAN = 8.0
_WIDTH = 2 * _SPAN / BINS
#: A surprise is never told to be greater than at this probability.
LEAST = 1e-15


class Labels(NamedTuple):
    """Labels with what was said of them, ready to be counted.

    Parameters
    ----------
    labels
        0 or 1 each.
    bins
        The bin of each probability.
    said
        The probabilities.
    loss
        The surprise at each label, in nats.
    """

    labels: npt.NDArray[np.intp]
    bins: npt.NDArray[np.intp]
    said: npt.NDArray[np.float64]
    loss: npt.NDArray[np.float64]

    @classmethod
    def of(cls, said: Sequence[float], labels: Sequence[int]) -> Labels:
        """Labels with their probabilities."""
        p, y = np.array(said, dtype=np.float64), np.array(labels, dtype=np.intp)
        q = np.clip(p, LEAST, 1.0 - LEAST)
        places = (np.log(q / (1.0 - q)) + _SPAN) / _WIDTH
        bins = np.clip(places, 0, BINS - 1).astype(np.intp)
        return cls(y, bins, p, -np.log(np.maximum(np.where(y == 1, p, 1.0 - p), LEAST)))

    def where(self, chosen: npt.NDArray[np.bool_]) -> Labels:
        """Those of them that a mask chooses."""
        labels, bins, said, loss = self
        return Labels(labels[chosen], bins[chosen], said[chosen], loss[chosen])


def _summed(start: float, values: npt.NDArray[np.float64]) -> float:
    """A running sum, strictly one value after the other."""
    return float(np.add.accumulate(np.concatenate(([start], values)))[-1])


class Tally:
    """What was said and what happened, summed up.

    Examples
    --------
    >>> tally = Tally()
    >>> for p, label in ((0.9, 1), (0.2, 0), (0.6, 1), (0.4, 0)):
    ...     tally.add(p, label)
    >>> tally.labels, tally.positives, tally.auc, round(tally.log_loss, 3)
    (4, 2, 1.0, 0.338)
    """

    def __init__(self) -> None:
        self.counts: npt.NDArray[np.int64] = np.zeros((2, BINS), dtype=np.int64)
        self.said = 0.0
        self.loss = 0.0

    def add(self, p: float, label: int, sign: int = 1) -> None:
        """Count a label, or take it back."""
        self.add_many(Labels.of([p], [label]), sign)

    def add_many(self, labels: Labels, sign: int = 1) -> None:
        """Count several labels, or take them back; sums are made strictly in order."""
        np.add.at(self.counts, (labels.labels, labels.bins), sign)
        self.said = _summed(self.said, sign * labels.said)
        self.loss = _summed(self.loss, sign * labels.loss)

    def merge(self, other: Tally) -> None:
        """Add what another one has summed up."""
        self.counts += other.counts
        self.said += other.said
        self.loss += other.loss

    @property
    def labels(self) -> int:
        """How many labels there are."""
        return int(self.counts.sum())

    @property
    def positives(self) -> int:
        """How many of them are positive."""
        return int(self.counts[1].sum())

    @property
    def rarer(self) -> int:
        """How many there are of the rarer class."""
        return min(self.positives, self.labels - self.positives)

    @property
    def auc(self) -> float | None:
        """How often a positive was said to be likelier than a negative; ties count half."""
        negatives, positives = self.counts
        if not self.rarer:
            return None
        below = np.cumsum(negatives) - negatives / 2.0
        return float((positives * below).sum() / (positives.sum() * negatives.sum()))

    @property
    def log_loss(self) -> float:
        """Mean surprise per label, in nats."""
        return self.loss / max(self.labels, 1)

    @property
    def base_rate(self) -> float | None:
        """The share of positives."""
        return self.positives / self.labels if self.labels else None

    @property
    def normalized_entropy(self) -> float | None:
        """Log loss as a share of that of always saying the base rate; below 1 is better."""
        rate = self.base_rate
        if rate is None or not self.rarer:
            return None
        return self.log_loss / -(rate * math.log(rate) + (1 - rate) * math.log(1 - rate))

    @property
    def calibration_ratio(self) -> float | None:
        """Positives expected by the probabilities, over those that came."""
        return self.said / self.positives if self.positives else None

    def dump(self) -> dict[str, Any]:
        """The state as plain JSON; sparse, for most bins are empty."""
        places = np.flatnonzero(self.counts.ravel())
        values = self.counts.ravel()[places]
        return {"at": places.tolist(), "n": values.tolist(), "p": self.said, "loss": self.loss}

    @classmethod
    def load(cls, state: dict[str, Any]) -> Tally:
        """A tally from its state."""
        tally = cls()
        tally.counts.ravel()[state["at"]] = state["n"]
        tally.said, tally.loss = state["p"], state["loss"]
        return tally
