"""Single features that tell the outcome almost perfectly: usually recorded because of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

#: A feature that alone ranks this well is worth a look.
SUSPICIOUS = 0.97
#: Labels of the rarer class before anything is said.
LEAST_OF_RARER = 25


class Separations:
    """How well each feature alone ranks the outcome, summed up over pieces of the tickets.

    Examples
    --------
    >>> found = Separations()
    >>> labels = np.array([0, 1] * 50)
    >>> found.add({"a": labels * 2.0, "b": np.zeros(100)}, labels)
    >>> found.suspicious()
    {'a': 1.0}
    """

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._pairs = 0.0
        self._rarer = 0

    def add(
        self, columns: Mapping[str, npt.NDArray[np.float32]], labels: npt.NDArray[np.int64]
    ) -> None:
        """Look at a piece: features by name, NaN where there is nothing, and the labels."""
        positives = int(labels.sum())
        pairs = float(positives * (len(labels) - positives))
        if not pairs:
            return
        self._pairs += pairs
        self._rarer += min(positives, len(labels) - positives)
        for name, values in columns.items():
            ranks = rankdata(np.nan_to_num(values, nan=-np.inf))
            above = ranks[labels == 1].sum() - positives * (positives + 1) / 2.0
            self._sums[name] = self._sums.get(name, 0.0) + above - pairs / 2.0

    def suspicious(self, least: float = SUSPICIOUS) -> dict[str, float]:
        """Sources and attributes with a feature that ranks too well: name -> its AUC."""
        if self._rarer < LEAST_OF_RARER:
            return {}
        found: dict[str, float] = {}
        for name, total in self._sums.items():
            auc = 0.5 + abs(float(total)) / self._pairs
            if auc >= least:
                about = source_of(name)
                found[about] = max(found.get(about, 0.0), auc)
        return dict(sorted(found.items(), key=lambda item: -item[1]))


def source_of(feature: str) -> str:
    """What a feature is of.

    Examples
    --------
    >>> source_of("event/basket/count_7d"), source_of("attribute/plan=gold"), source_of("a")
    ('event/basket', 'attribute/plan', 'a')
    """
    if feature.startswith("attribute/"):
        return feature.partition("=")[0]
    return feature.rpartition("/")[0] or feature
