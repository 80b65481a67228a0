"""Quality of probabilities against outcomes, in a fixed number of counters.

Labels are counted in bins of the logit that was said at T0, so that everything a dashboard asks
for (AUC, calibration, lift) comes from sums that can be added and taken apart.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.quality.groups import Groups, groups_of

BINS = 128
SPAN = 8.0
#: So many bins, over so wide a span, give the figures of the labels themselves: AUC to four places
#: over a few hundred labels, to six over many.
FINE_BINS = 65_536
FINE_SPAN = 30.0
#: A surprise is never told to be greater than at this probability.
LEAST = 1e-15


class Labels(NamedTuple):
    """Labels with what was said of them, ready to be counted.

    Parameters
    ----------
    labels
        0 or 1 each.
    logits
        The logit of each probability.
    said
        The probabilities.
    loss
        The surprise at each label, in nats.
    """

    labels: npt.NDArray[np.intp]
    logits: npt.NDArray[np.float64]
    said: npt.NDArray[np.float64]
    loss: npt.NDArray[np.float64]

    @classmethod
    def of(cls, said: npt.ArrayLike, labels: npt.ArrayLike) -> Labels:
        """Labels with their probabilities."""
        p, y = np.array(said, dtype=np.float64), np.array(labels, dtype=np.intp)
        q = np.clip(p, LEAST, 1.0 - LEAST)
        logits = np.log(q / (1.0 - q))
        return cls(y, logits, p, -np.log(np.maximum(np.where(y == 1, p, 1.0 - p), LEAST)))

    def where(self, chosen: npt.NDArray[np.bool_]) -> Labels:
        """Those of them that a mask chooses."""
        labels, logits, said, loss = self
        return Labels(labels[chosen], logits[chosen], said[chosen], loss[chosen])


def _summed(start: float, values: npt.NDArray[np.float64]) -> float:
    """A running sum, strictly one value after the other."""
    return float(np.add.accumulate(np.concatenate(([start], values)))[-1])


class Tally:
    """What was said and what happened, summed up.

    Parameters
    ----------
    bins
        How many bins of the logit.
    span
        The logits they cover, from minus to plus; what is beyond is in the outermost.

    Examples
    --------
    >>> tally = Tally()
    >>> for p, label in ((0.9, 1), (0.2, 0), (0.6, 1), (0.4, 0)):
    ...     tally.add(p, label)
    >>> tally.labels, tally.positives, tally.auc, round(tally.log_loss, 3)
    (4, 2, 1.0, 0.338)
    """

    def __init__(self, bins: int = BINS, span: float = SPAN) -> None:
        self.span = span
        self.counts: npt.NDArray[np.int64] = np.zeros((2, bins), dtype=np.int64)
        self.sums: npt.NDArray[np.float64] = np.zeros(bins)
        self.said = 0.0
        self.loss = 0.0

    def add(self, p: float, label: int, sign: int = 1) -> None:
        """Count a label, or take it back."""
        self.add_many(Labels.of([p], [label]), sign)

    def add_many(self, labels: Labels, sign: int = 1) -> None:
        """Count several labels, or take them back; sums are made strictly in order."""
        bins = self._bins(labels.logits)
        np.add.at(self.counts, (labels.labels, bins), sign)
        np.add.at(self.sums, bins, sign * labels.said)
        self.said = _summed(self.said, sign * labels.said)
        self.loss = _summed(self.loss, sign * labels.loss)

    def merge(self, other: Tally) -> None:
        """Add what another one has summed up."""
        self.counts += other.counts
        self.sums += other.sums
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

    def groups(self, parts: int = 10) -> Groups:
        """Equal parts of the labels, the likeliest first."""
        return groups_of(self.counts, self.sums, parts)

    @property
    def ece(self) -> float | None:
        """Expected calibration error over ten equal parts."""
        return self.groups().calibration_error if self.labels else None

    @property
    def lift(self) -> float | None:
        """How many times the base rate the likeliest tenth holds."""
        return float(self.groups().lift[0]) if self.positives else None

    def scores(self, base_rate: float, parts: int = 20) -> list[int]:
        """How many labels had a score in each part of 0 to 100."""
        bins = self.counts.shape[1]
        middle = (np.arange(bins) + 0.5) * (2 * self.span / bins) - self.span
        scores = 1.0 / (1.0 + np.exp(math.log(base_rate / (1.0 - base_rate)) - middle))
        found = np.zeros(parts, dtype=np.int64)
        np.add.at(found, (scores * parts).astype(np.intp), self.counts.sum(axis=0))
        counted: list[int] = found.tolist()
        return counted

    def figures(self) -> dict[str, Any]:
        """Every figure as plain JSON; null where there is too little to say."""
        return {
            "tickets": self.labels,
            "positives": self.positives,
            "base_rate": self.base_rate,
            "auc": self.auc,
            "log_loss": self.log_loss if self.labels else None,
            "normalized_entropy": self.normalized_entropy,
            "calibration_ratio": self.calibration_ratio,
            "ece": self.ece,
            "lift": self.lift,
        }

    def _bins(self, logits: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
        bins = self.counts.shape[1]
        places = (logits + self.span) * (bins / (2 * self.span))
        found: npt.NDArray[np.intp] = np.clip(places, 0, bins - 1).astype(np.intp)
        return found

    def dump(self) -> dict[str, Any]:
        """The state as plain JSON; sparse, for most bins are empty."""
        places = np.flatnonzero(self.counts.ravel())
        values = self.counts.ravel()[places]
        sums = np.flatnonzero(self.sums)
        return {
            "at": places.tolist(), "n": values.tolist(), "p": self.said, "loss": self.loss,
            "sums": [sums.tolist(), self.sums[sums].tolist()],
        }  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any]) -> Tally:
        """A tally from its state."""
        tally = cls()
        tally.counts.ravel()[state["at"]] = state["n"]
        tally.said, tally.loss = state["p"], state["loss"]
        at, sums = state["sums"]
        tally.sums[at] = sums
        return tally
