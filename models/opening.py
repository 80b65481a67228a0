"""The timers of a partition that is taken on, worked out from its tables for all profiles at once.

For one profile :mod:`models.timers` says the same; a worker that takes on a million of them would
wait for it.
"""

from __future__ import annotations

from array import array
from itertools import compress
from typing import NamedTuple

import numpy as np

from models.goals.calendar import Calendar
from models.goals.compiled import Compiled
from models.goals.schedule import Bools, Ints, UInts
from models.goals.tickets import ABANDONED_AFTER
from models.hashing import digest64
from models.partition import Partition
from models.timers import schedule_silences


class Times(NamedTuple):
    """The times of the earliest and the latest event of profiles, column by column."""

    keys: list[bytes]
    firsts: array[int]
    lasts: array[int]

    def add(self, key: bytes, first: int, last: int) -> None:
        """Add a profile."""
        self.keys.append(key)
        self.firsts.append(first)
        self.lasts.append(last)


def set_timers(compiled: Compiled, partition: Partition, times: Times) -> None:
    """Set all timers of a partition that has none yet.

    Parameters
    ----------
    compiled
        The configuration.
    partition
        Its clock and its tickets are read, its timers written.
    times
        Those of all of its profiles.
    """
    _set_for_profiles(compiled, partition, times)
    for goal, (moments, keys) in partition.tickets.by_goal().items():
        _set_for_tickets(compiled, partition, goal, np.frombuffer(moments, np.int64), keys)


def _set_for_profiles(compiled: Compiled, partition: Partition, times: Times) -> None:
    keys = times.keys
    hashes: UInts = np.frombuffer(b"".join(map(digest64, keys)), "<u8")
    lasts = np.frombuffer(times.lasts, np.int64)
    starts = np.maximum(np.frombuffer(times.firsts, np.int64), partition.clock.now)
    for goal in compiled.scheduled:
        moments = goal.schedule.next_ones(hashes, starts)
        _add(partition.openings, moments, keys, goal.key, goal.schedule.include(hashes))
    schedule_silences(compiled, partition, keys, lasts, starts)


def _set_for_tickets(
    compiled: Compiled, partition: Partition, goal: int, moments: Ints, keys: list[bytes]
) -> None:
    known = compiled.by_key.get(goal)
    if known is None:  # of a goal, or a version of one, that is no more
        partition.expiries.add_many(moments + ABANDONED_AFTER, keys, goal)
        return
    due = moments + known.window
    waiting = due >= partition.clock.now
    _add(partition.closings, due, keys, goal, waiting)
    _add(partition.expiries, due + compiled.config.time.reversible_for, keys, goal, ~waiting)


def _add(calendar: Calendar, due: Ints, keys: list[bytes], tag: int, chosen: Bools) -> None:
    if chosen.all():
        calendar.add_many(due, keys, tag)
    else:
        calendar.add_many(due[chosen], list(compress(keys, chosen)), tag)
