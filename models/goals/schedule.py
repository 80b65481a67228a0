"""When tickets open: at a moment of each period that only a hash decides.

The moment T0 of a profile's ticket inside a period is fixed by goal, profile and period alone, so
before anything is known about the outcome, and wherever and whenever it is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from models.hashing import MASK, hash64, mix64

Ints = npt.NDArray[np.int64]
UInts = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Schedule:
    """The moments at which a goal's tickets open.

    Parameters
    ----------
    seed
        A 64-bit hash of the goal's name.
    every
        The sampling period in milliseconds; periods are counted from 1970 UTC.
    share
        The share of the profiles that open tickets, 0 to 1.

    Examples
    --------
    >>> schedule = Schedule(seed=hash64("churn"), every=1000, share=1.0)
    >>> first = schedule.next(hash64("p1"), 0)
    >>> first // 1000, schedule.after(hash64("p1"), first) // 1000
    (0, 1)
    """

    seed: int
    every: int
    share: float

    def moment(self, profile: int, period: int) -> int:
        """T0 of a profile (by its hash) in a period, in milliseconds."""
        return period * self.every + (profile + _salt(self.seed, period)) % self.every

    def next(self, profile: int, start: int) -> int:
        """The first moment of a profile at or after ``start``."""
        every = self.every
        period = start // every
        moment = period * every + (profile + _salt(self.seed, period)) % every  # as of moment()
        return moment if moment >= start else self.moment(profile, period + 1)

    def after(self, profile: int, moment: int) -> int:
        """The moment in the period after that of another moment."""
        return self.moment(profile, moment // self.every + 1)

    def includes(self, profile: int) -> bool:
        """Whether a profile opens tickets at all."""
        return self.share >= 1.0 or mix64(profile ^ self.seed) < self.share * 2.0**64

    # -- of many profiles at once ----------------------------------------------------------

    def next_ones(self, profiles: UInts, starts: Ints) -> Ints:
        """The first moment of each profile at or after its start; see :meth:`next`."""
        periods = starts // self.every
        shifts = (profiles % np.uint64(self.every)).astype(np.int64)
        moments = self._moments(shifts, periods)
        return np.where(moments >= starts, moments, self._moments(shifts, periods + 1))

    def _moments(self, shifts: Ints, periods: Ints) -> Ints:
        numbers, places = np.unique(periods, return_inverse=True)
        salts = [_salt(self.seed, period) % self.every for period in numbers.tolist()]
        return periods * self.every + (shifts + np.array(salts, np.int64)[places]) % self.every

    def include(self, profiles: UInts) -> Bools:
        """Whether each profile opens tickets at all; see :meth:`includes`."""
        if self.share >= 1.0:
            return np.ones(len(profiles), np.bool_)
        return np.array([self.includes(profile) for profile in profiles.tolist()], np.bool_)


@lru_cache(maxsize=65_536)
def _salt(seed: int, period: int) -> int:
    """What a period's moments are shifted by, the same for all profiles.

    The profile's hash is uniform already; shifting it anew in every period keeps each profile's
    moments apart from its habits, for the price of an addition.
    """
    return mix64((seed + period) & MASK)


def schedule_of(goal: str, every: int, share: float) -> Schedule:
    """The schedule of a goal by its name."""
    return Schedule(hash64(f"goal/{goal}"), every, share)
