"""A running standard scaler with a hinge beside every feature that is worth one."""

from __future__ import annotations

from typing import Any

import numpy as np
from river import base

from models.learning.layout import is_hinged
from models.profiles.features import Float64, Int

#: Below this standard deviation a feature has said nothing yet.
FLAT = 1e-6


class HingeScaler(base.Transformer):
    """Standardises features as they come and adds max(0, z) beside each that is not binary.

    Mean and variance are of all values learned so far, including the one at hand; z is clipped, and
    zero while a feature has not varied. The hinges let a linear model bend once, at the mean. A
    feature that is missing or NaN is left out of the statistics and stands at its mean.

    Parameters
    ----------
    clip
        The largest absolute z.

    Examples
    --------
    >>> scaler = HingeScaler()
    >>> for hours in (1.0, 3.0):
    ...     scaler.learn_one({"profile/tenure": hours, "profile/one_day": 1.0})
    >>> scaler.transform_one({"profile/tenure": 3.0, "profile/one_day": 1.0})
    {'profile/tenure': 1.0, 'profile/tenure+': 1.0, 'profile/one_day': 0.0}
    """

    def __init__(self, clip: float = 4.0) -> None:
        self.clip = clip
        self.names: list[str] = []
        self.count = np.zeros(0)
        self.origin = np.zeros(0)
        self.total = np.zeros(0)
        self.squares = np.zeros(0)
        self._index: dict[str, int] = {}

    def extend(self, names: tuple[str, ...] | list[str]) -> None:
        """Get ready for more features, after those there are."""
        for name in names:
            self._index[name] = len(self.names)
            self.names.append(name)
        for array in ("count", "total", "squares"):
            old: Float64 = getattr(self, array)
            setattr(self, array, np.concatenate((old, np.zeros(len(names)))))
        self.origin = np.concatenate((self.origin, np.full(len(names), np.nan)))

    @property
    def mean(self) -> Float64:
        """The mean of each feature."""
        mean, _ = _moments(self.count, self.total, self.squares)
        return np.where(self.count > 0, mean + self.origin, 0.0)

    @property
    def deviation(self) -> Float64:
        """The standard deviation of each feature; infinite while it has not varied."""
        _, variance = _moments(self.count, self.total, self.squares)
        return np.where(variance > FLAT**2, np.sqrt(variance), np.inf)

    def learn_one(self, x: dict[base.typing.FeatureName, Any]) -> None:
        """Take one value of each feature into the statistics."""
        self.extend([str(name) for name in x if name not in self._index])
        self.learn_rows(self._row(x))

    def transform_one(
        self, x: dict[base.typing.FeatureName, Any]
    ) -> dict[base.typing.FeatureName, Any]:
        """The scaled features, each hinge behind its feature under its name and a plus."""
        z = standardise(self._row(x), self.mean, self.deviation, self.clip)[0]
        scaled: dict[base.typing.FeatureName, Any] = {}
        for name in x:
            number = self._index.get(str(name))
            value = 0.0 if number is None else float(z[number])
            scaled[name] = value
            if is_hinged(str(name)):
                scaled[f"{name}+"] = max(0.0, value)
        return scaled

    def learn_rows(self, rows: Float64) -> Float64:
        """Learn rows one after the other, and scale each with the statistics that include it.

        Parameters
        ----------
        rows
            Float64, rows x features; NaN where unknown.

        Returns
        -------
        z, of the same shape. The same whatever the cut of the rows into calls: the running sums
        are accumulated strictly in order.
        """
        unknown = np.isnan(rows)
        first = np.argmin(unknown, axis=0)
        started = rows[first, np.arange(rows.shape[1])]
        self.origin = np.where(np.isnan(self.origin), started, self.origin)
        moved = np.where(unknown, 0.0, rows - self.origin)
        counts = _accumulate(self.count, ~unknown)
        totals = _accumulate(self.total, moved)
        squares = _accumulate(self.squares, moved * moved)
        self.count, self.total, self.squares = counts[-1], totals[-1], squares[-1]
        mean, variance = _moments(counts, totals, squares)
        deviation = np.where(variance > FLAT**2, np.sqrt(variance), np.inf)
        return np.where(unknown, 0.0, np.clip((moved - mean) / deviation, -self.clip, self.clip))

    def _row(self, x: dict[base.typing.FeatureName, Any]) -> Float64:
        row = np.full((1, len(self.names)), np.nan)
        for name, value in x.items():
            if name in self._index:
                row[0, self._index[str(name)]] = value
        return row


def standardise(rows: Float64, mean: Float64, deviation: Float64, clip: float) -> Float64:
    """Z of rows; zero where unknown."""
    z = rows - mean
    z /= deviation
    np.clip(z, -clip, clip, out=z)
    z[np.isnan(z)] = 0.0
    return z


def _accumulate(start: Float64, rows: Any) -> Float64:
    """Running sums, strictly one row after the other, from a start."""
    return np.add.accumulate(np.concatenate((start[None], rows)), axis=0)[1:]


def _moments(count: Float64, total: Float64, squares: Float64) -> tuple[Float64, Float64]:
    """Mean and variance from counts and sums; zero where there is nothing."""
    n = np.maximum(count, 1.0)
    mean = total / n
    return mean, np.maximum(squares / n - mean * mean, 0.0)


def positions(names: tuple[str, ...]) -> tuple[Int, Int]:
    """Where z of every feature, and the hinge of every hinged one, stand in a design vector.

    The design vector is: 1 for the bias; then each feature, its hinge (if any) right behind it.

    Examples
    --------
    >>> [part.tolist() for part in positions(("a/recency", "a/never", "b/recency"))]
    [[1, 3, 4], [2, 5]]
    """
    plain, hinges, at = [], [], 1
    for name in names:
        plain.append(at)
        at += 1
        if is_hinged(name):
            hinges.append(at)
            at += 1
    return np.array(plain, dtype=np.intp), np.array(hinges, dtype=np.intp)


def design_rows(z: Float64, plain: Int, hinges: Int, hinged: Int) -> Float64:
    """Design vectors from z: rows x (1 + features + hinges)."""
    rows = np.empty((len(z), 1 + len(plain) + len(hinges)))
    rows[:, 0] = 1.0
    rows[:, plain] = z
    rows[:, hinges] = np.maximum(z[:, hinged], 0.0)
    return rows
