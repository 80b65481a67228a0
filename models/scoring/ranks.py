"""Where a score ranks among the latest scores of all profiles: a histogram, kept up to date."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

BINS = 1_000
_WIDTH = 100.0 / BINS

Scores = Sequence[float] | npt.NDArray[np.float64]


class Ranks:
    """The latest score of every profile, counted in bins a tenth of a point wide.

    Examples
    --------
    >>> ranks = Ranks()
    >>> ranks.replace([], [float(score) for score in range(100)])
    >>> ranks.percentiles([0.5, 50.5, 99.5])
    [1, 51, 100]
    """

    def __init__(self) -> None:
        self.counts: npt.NDArray[np.int64] = np.zeros(BINS, dtype=np.int64)

    def replace(self, gone: Scores, come: Scores) -> None:
        """Forget scores and count others: both, or with an error neither."""
        self.counts += np.bincount(_bins(come), minlength=BINS) - np.bincount(
            _bins(gone), minlength=BINS
        )

    def merge(self, other: Ranks, sign: int = 1) -> None:
        """Add the counts of another histogram, or take them away."""
        self.counts += sign * other.counts

    def percentiles(self, scores: Scores) -> list[int]:
        """Percentile 1 to 100 of each score: the share of profiles up to the middle of its bin."""
        up_to = np.cumsum(self.counts) - self.counts / 2.0
        total = max(int(self.counts.sum()), 1)
        places = up_to[_bins(scores)] * (100.0 / total)
        found: list[int] = np.clip(np.ceil(places), 1, 100).astype(int).tolist()
        return found


def _bins(scores: Scores) -> npt.NDArray[np.intp]:
    """The bins of scores of 0 to 100."""
    numbers = (np.asarray(scores, dtype=np.float64) / _WIDTH).astype(np.intp)
    found: npt.NDArray[np.intp] = np.minimum(numbers, BINS - 1)
    return found
