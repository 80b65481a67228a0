"""Quality of probabilities against outcomes, in a fixed number of counters.

Labels are counted in bins of the logit that was said at T0, so that everything a dashboard asks
for (AUC, calibration, lift) comes from sums that can be added and taken apart.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 128
_SPAN = 8.0
_WIDTH = 2 * _SPAN / BINS


def bin_of(p: float) -> int:
    """The bin of a probability by its logit, -8 to 8."""
    logit = math.log(p / (1.0 - p)) if 0.0 < p < 1.0 else math.copysign(_SPAN, p - 0.5)
    return int(min(max((logit + _SPAN) / _WIDTH, 0.0), BINS - 1.0))


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
        self.counts[label, bin_of(p)] += sign
        self.said += sign * p
        self.loss -= sign * math.log(max(p if label else 1.0 - p, 1e-15))

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
