"""Exponential decay: what an event still weighs after a while.

Half-lives from an hour to a quarter describe a profile's past as well as exact windows do
(docs/accuracy.md), in a handful of numbers that can be brought forward to any moment exactly.
"""

from __future__ import annotations

import math

from models.config.durations import DAY, HOUR

#: Half-lives by the names they have in features, milliseconds.
HALF_LIVES = {"1h": HOUR, "1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY, "90d": 90 * DAY}
#: Those of sums of values, and those of active days.
SUM_HALF_LIVES = ("7d", "30d", "90d")
DAY_HALF_LIVES = ("1d", "7d", "30d", "90d")

#: Decay rates per millisecond, in the order of the half-lives.
RATES = tuple(math.log(2) / half_life for half_life in HALF_LIVES.values())
DAY_RATES = tuple(math.log(2) / HALF_LIVES[name] for name in DAY_HALF_LIVES)

#: What is smaller counts as nothing.
NOTHING = 1e-6

_R1, _R2, _R3, _R4, _R5 = RATES

Fades = tuple[float, float, float, float, float]


def fades(elapsed: int) -> Fades:
    """The share left of what happened ``elapsed`` milliseconds ago, for each half-life.

    Examples
    --------
    >>> [round(fade, 3) for fade in fades(DAY)]
    [0.0, 0.5, 0.906, 0.977, 0.992]
    """
    exp = math.exp
    return (
        exp(-_R1 * elapsed),
        exp(-_R2 * elapsed),
        exp(-_R3 * elapsed),
        exp(-_R4 * elapsed),
        exp(-_R5 * elapsed),
    )


def day_fades(days: int) -> tuple[float, float, float, float]:
    """The share left after so many days, for each half-life of active days."""
    r1, r2, r3, r4 = DAY_RATES
    elapsed = days * DAY
    exp = math.exp
    return (exp(-r1 * elapsed), exp(-r2 * elapsed), exp(-r3 * elapsed), exp(-r4 * elapsed))
