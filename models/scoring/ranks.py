"""Where a score ranks among the latest scores of all profiles: a histogram, kept up to date."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

BINS = 1_000
_WIDTH = 100.0 / BINS


def bin_of(score: float) -> int:
    """The bin of a score of 0 to 100."""
    return min(int(score / _WIDTH), BINS - 1)


class Ranks:
    """The latest score of every profile, counted in bins a tenth of a point wide.

    Examples
    --------
    >>> ranks = Ranks()
    >>> ranks.replace([(None, float(score)) for score in range(100)])
    >>> ranks.percentiles([0.5, 50.5, 99.5])
    [1, 51, 100]
    """

    def __init__(self) -> None:
        self.counts: npt.NDArray[np.int64] = np.zeros(BINS, dtype=np.int64)

    def replace(self, changes: Sequence[tuple[float | None, float | None]]) -> None:
        """Count new scores and forget those they replace; None for none."""
        gone = [bin_of(before) for before, _ in changes if before is not None]
        come = [bin_of(after) for _, after in changes if after is not None]
        self.counts += np.bincount(np.array(come, dtype=np.intp), minlength=BINS) - np.bincount(
            np.array(gone, dtype=np.intp), minlength=BINS
        )

    def merge(self, other: Ranks, sign: int = 1) -> None:
        """Add the counts of another histogram, or take them away."""
        self.counts += sign * other.counts

    def percentiles(self, scores: Iterable[float]) -> list[int]:
        """Percentile 1 to 100 of each score: the share of profiles up to the middle of its bin."""
        up_to = np.cumsum(self.counts) - self.counts / 2.0
        total = max(int(self.counts.sum()), 1)
        places = up_to[[bin_of(score) for score in scores]] * (100.0 / total)
        found: list[int] = np.clip(np.ceil(places), 1, 100).astype(int).tolist()
        return found
