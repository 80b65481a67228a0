"""Tenths of the labels by what was said of them, from sums per bin of the logit."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]


class Groups(NamedTuple):
    """Equal parts of the labels, the likeliest first.

    Parameters
    ----------
    labels, positives
        How many there are in each; fractions where a bin is cut between two parts.
    said
        The sum of the probabilities in each.

    Examples
    --------
    >>> counts = np.array([[3, 1], [1, 3]])
    >>> two = groups_of(counts, np.array([1.0, 3.0]), parts=2)
    >>> two.positives.tolist(), two.gains.tolist(), two.lift.tolist()
    ([3.0, 1.0], [0.75, 1.0], [1.5, 0.5])
    """

    labels: Float64
    positives: Float64
    said: Float64

    @property
    def gains(self) -> Float64:
        """The share of all positives that is in the parts up to each."""
        total: Float64 = np.cumsum(self.positives) / max(self.positives.sum(), 1.0)
        return total

    @property
    def lift(self) -> Float64:
        """How many times the base rate the rate of each part is."""
        rate = self.positives.sum() / max(self.labels.sum(), 1.0)
        shares: Float64 = _ratio(self.positives, self.labels) / max(rate, 1e-12)
        return shares

    @property
    def calibration_error(self) -> float:
        """The mean distance between what was said and what came, over the parts."""
        distance = np.abs(_ratio(self.said, self.labels) - _ratio(self.positives, self.labels))
        return float((distance * self.labels).sum() / max(self.labels.sum(), 1.0))

    def rows(self) -> list[dict[str, Any]]:
        """A row each, as plain JSON."""
        said, rate = _ratio(self.said, self.labels), _ratio(self.positives, self.labels)
        return [
            {
                "labels": round(float(self.labels[number]), 3),
                "positives": round(float(self.positives[number]), 3),
                "said": float(said[number]),
                "rate": float(rate[number]),
                "lift": float(self.lift[number]),
                "gains": float(self.gains[number]),
            }
            for number in range(len(self.labels))
        ]


def groups_of(counts: npt.NDArray[np.int64], said: Float64, parts: int) -> Groups:
    """Cut the labels into equal parts by what was said, the likeliest first.

    Parameters
    ----------
    counts
        Negatives and positives by bin: 2 x bins, bins in the order of what was said.
    said
        The sum of the probabilities in each bin.
    parts
        How many parts. Labels of one bin are spread evenly where a cut goes through it.
    """
    sums = np.vstack((counts.sum(axis=0), counts[1], said)).astype(np.float64)[:, ::-1]
    upto = np.concatenate((np.zeros((3, 1)), np.cumsum(sums, axis=1)), axis=1)
    cuts = upto[0, -1] * np.arange(parts + 1) / parts
    found = [np.diff(np.interp(cuts, upto[0], row)) for row in upto]
    return Groups(found[0], found[1], found[2])


def _ratio(above: Float64, below: Float64) -> Float64:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
