"""What a model has to be better than: the base rate, and the time since the last event alone.

Both are learned online beside the model, from the same labels, and are asked the same way: what
was said of a ticket is what was known at its T0. As nothing but the ticket's features is kept until
then, the baselines remember how they stood at moments of the last window.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Any, NamedTuple

from models.learning.logistic import LARGEST_LOGIT, LEAST_LEFT, LEAST_VARIANCE
from models.profiles.features import HOURS, PROFILE_FEATURES, RawProfile

#: How many moments of a window are remembered.
MOMENTS = 64
_TENURE = PROFILE_FEATURES.index("tenure_hours")
_HOURS = PROFILE_FEATURES.index("hours")

Weights = tuple[float, float]


class Said(NamedTuple):
    """What the baselines said of a ticket."""

    base_rate: float
    recency: float


def recency_of(raw: RawProfile, own: tuple[str, ...]) -> float:
    """Log hours since the goal's own event; since the first event where there was none.

    Examples
    --------
    >>> import numpy as np
    >>> raw = RawProfile(np.array([8, 1, 0, 0, 0, 0, 2, 0], np.float32), (), {})
    >>> recency_of(raw, ("event/basket",)) == math.log1p(8), recency_of(raw, ()) == math.log1p(2)
    (True, True)
    """
    if not own:
        return math.log1p(float(raw.profile[_HOURS]))
    hours = [float(raw.rows[raw.names.index(name), HOURS]) for name in own if name in raw.names]
    return math.log1p(min(hours, default=float(raw.profile[_TENURE])))


class RecencyModel:
    """Bayesian logistic regression on one number, the same update as the big one's.

    Examples
    --------
    >>> model = RecencyModel()
    >>> for label in (1, 0) * 200:
    ...     model.learn(1.0 if label else 5.0, label)
    >>> model.said(1.0) > 0.9 and model.said(5.0) < 0.1
    True
    """

    def __init__(self) -> None:
        self.bias, self.slope = 0.0, 0.0
        self._p = [1.0, 0.0, 1.0]

    def said(self, x: float) -> float:
        """The probability at a recency."""
        return _sigmoid(self.bias + self.slope * x)

    def learn(self, x: float, label: int) -> None:
        """Learn a label."""
        self._move(x, label, 1.0)

    def unlearn(self, x: float, label: int) -> None:
        """Take a label back, unless that would leave the covariance ill-conditioned."""
        self._move(x, label, -1.0)

    def _move(self, x: float, label: int, sign: float) -> None:
        p = self.said(x)
        s = max(p * (1.0 - p), LEAST_VARIANCE) * sign
        a, b, c = self._p
        q0, q1 = a + b * x, b + c * x
        scale = 1.0 + s * (q0 + q1 * x)
        if scale < LEAST_LEFT:
            return
        step = sign * (label - p) / scale
        self.bias += q0 * step
        self.slope += q1 * step
        k = s / scale
        self._p = [a - k * q0 * q0, b - k * q0 * q1, c - k * q1 * q1]

    def dump(self) -> list[float]:
        """The state as plain JSON."""
        return [self.bias, self.slope, *self._p]

    def load(self, state: list[float]) -> None:
        """Take over a state."""
        self.bias, self.slope, *self._p = state


class Baselines:
    """The baselines of a goal.

    Parameters
    ----------
    window
        The goal's window, milliseconds.
    own
        The sources that the goal is about.

    Examples
    --------
    >>> import numpy as np
    >>> raw = RawProfile(np.zeros(8, np.float32), (), {})
    >>> baselines = Baselines(window=1000, own=())
    >>> [round(baselines.meet(t0, t0 + 1000, raw, 1).base_rate, 2) for t0 in (0, 900, 1800, 2700)]
    [0.5, 0.5, 0.67, 0.75]
    """

    def __init__(self, window: int, own: tuple[str, ...]) -> None:
        self._window, self._own = window, own
        self._recency = RecencyModel()
        self._labels, self._positives = 0, 0
        self._until = -1
        self._times: list[int] = [-1]
        self._known: list[tuple[float, Weights]] = [self._now()]

    def meet(self, t0: int, due: int, raw: RawProfile, label: int) -> Said:
        """What was said of a ticket at its T0; then learn its label."""
        self._remember(due)
        x = recency_of(raw, self._own)
        said = self._known_at(t0, x)
        self._recency.learn(x, label)
        self._labels += 1
        self._positives += label
        self._until = max(self._until, due)
        return said

    def turn(self, t0: int, raw: RawProfile, label: int) -> Said | None:
        """Another label for a ticket that was met; what was said of it, as long as that is known.

        Both know the better from now on; what they have said before stays said.
        """
        x = recency_of(raw, self._own)
        self._positives += 2 * label - 1
        self._recency.unlearn(x, 1 - label)
        self._recency.learn(x, label)
        return self._known_at(t0, x) if t0 > self._times[0] else None

    def _known_at(self, t0: int, x: float) -> Said:
        """What they say of a recency, as they stood at a moment."""
        rate, (bias, slope) = self._known[max(bisect_left(self._times, t0) - 1, 0)]
        return Said(rate, _sigmoid(bias + slope * x))

    def _now(self) -> tuple[float, Weights]:
        rate = (self._positives + 1.0) / (self._labels + 2.0)
        return rate, (self._recency.bias, self._recency.slope)

    def _remember(self, due: int) -> None:
        """Keep how they stand before a label, and let go of what no ticket can ask for."""
        if due > self._until >= self._times[-1] + self._window // MOMENTS:
            self._times.append(self._until)
            self._known.append(self._now())
            old = bisect_left(self._times, due - 2 * self._window) - 1
            if old > 0:
                del self._times[:old], self._known[:old]

    def dump(self) -> dict[str, Any]:
        """The state as plain JSON."""
        return {
            "recency": self._recency.dump(),
            "labels": [self._labels, self._positives, self._until],
            "times": self._times,
            "known": [[rate, *weights] for rate, weights in self._known],
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state."""
        self._recency.load(state["recency"])
        self._labels, self._positives, self._until = state["labels"]
        self._times = list(state["times"])
        self._known = [(rate, (bias, slope)) for rate, bias, slope in state["known"]]


def _sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-LARGEST_LOGIT, min(LARGEST_LOGIT, logit))))
