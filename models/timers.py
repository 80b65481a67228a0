"""The timers of a profile that is new: its next ticket of each goal, its refresh, its departure."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

from models.goals.calendar import NEVER
from models.goals.compiled import Compiled
from models.goals.refresh import next_refresh, next_refreshes
from models.goals.schedule import Ints
from models.hashing import profile_hash
from models.partition import Partition

#: So many at once are worth the arrays.
MANY = 32


def schedule_openings(compiled: Compiled, partition: Partition, key: bytes, start: int) -> None:
    """Set the timer of a profile's next ticket of each goal from ``start`` on."""
    number = profile_hash(key)
    for goal in compiled.scheduled:
        schedule = goal.schedule
        if schedule.share >= 1.0 or schedule.includes(number):
            partition.openings.add(schedule.next(number, start), key, goal.key)


def schedule_silence(
    compiled: Compiled, partition: Partition, key: bytes, last: int, start: int
) -> None:
    """Set the timers of a profile's silence since its event at ``last``, as of ``start``."""
    if compiled.refresh is not None:
        partition.refreshes.add(next_refresh(last, start, compiled.refresh), key, 0)
    if compiled.kept_for is not None:
        partition.departures.add(last + compiled.kept_for, key, 0)


def schedule_silences(
    compiled: Compiled, partition: Partition, keys: Sequence[bytes], lasts: Ints, starts: Ints
) -> None:
    """The same of many profiles; see :func:`schedule_silence`."""
    if compiled.refresh is not None:
        dues = next_refreshes(lasts, starts, compiled.refresh)
        partition.refreshes.add_many(dues, keys, 0)
    if compiled.kept_for is not None:
        partition.departures.add_many(lasts + compiled.kept_for, keys, 0)


class Newcomers:
    """Profiles that are new in a run, whose timers of silence are set together.

    They are due long after: until then it is enough to know how long nothing can be.

    Parameters
    ----------
    compiled
        The configuration.
    partition
        Whose timers are set.
    """

    def __init__(self, compiled: Compiled, partition: Partition) -> None:
        self._compiled = compiled
        self._partition = partition
        self._kept_for = compiled.kept_for
        self._keys: list[bytes] = []
        self._lasts, self._starts = array("q"), array("q")
        #: None of them departs before this.
        self.soonest = NEVER

    def add(self, key: bytes, last: int, start: int) -> None:
        """Add one whose silence began at ``last``, as of ``start``."""
        self._keys.append(key)
        self._lasts.append(last)
        self._starts.append(start)
        if self._kept_for is not None and last + self._kept_for < self.soonest:
            self.soonest = last + self._kept_for

    def settle(self) -> None:
        """Set the timers of all of them."""
        times = self._keys, self._lasts, self._starts
        self._keys, self._lasts, self._starts = [], array("q"), array("q")
        self.soonest = NEVER
        if len(times[0]) < MANY:
            for key, last, start in zip(*times, strict=True):
                schedule_silence(self._compiled, self._partition, key, last, start)
            return
        keys, lasts, starts = times
        schedule_silences(
            self._compiled, self._partition, keys,
            np.frombuffer(lasts, np.int64), np.frombuffer(starts, np.int64),
        )  # fmt: skip
