"""Timers of a partition: what falls due when, in exact order, for twelve bytes an entry.

Entries wait in coarse buckets of time, those of a tag together, each as the milliseconds since its
bucket began and a reference to its key; only the bucket that the clock is in is kept in a heap.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterator, Sequence
from itertools import pairwise, repeat

import numpy as np

from models.goals.schedule import Ints

Entry = tuple[int, bytes, int]
#: Milliseconds since the bucket began, and keys, of the entries of one tag in a bucket.
Waiting = tuple["array[int]", list[bytes]]
NEVER = 1 << 62


class Calendar:
    """What falls due when.

    Parameters
    ----------
    width
        Milliseconds in a bucket, fewer than 2 ** 32.

    Examples
    --------
    >>> calendar = Calendar(width=1000)
    >>> for due, key in ((5_500, b"b"), (300, b"a"), (5_100, b"c")):
    ...     calendar.add(due, key, 0)
    >>> list(calendar.pop(5_200)), len(calendar)
    ([(300, b'a', 0), (5100, b'c', 0)], 1)
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._reached = -1
        self._near: list[Entry] = []
        self._far: dict[int, dict[int, Waiting]] = {}
        self._order: list[int] = []
        #: Nothing falls due before this.
        self.soonest = NEVER

    def __len__(self) -> int:
        return len(self._near) + sum(
            len(keys) for bucket in self._far.values() for _, keys in bucket.values()
        )

    def add(self, due: int, key: bytes, tag: int) -> None:
        """Let an entry wait until ``due``; ``tag`` is an unsigned 32-bit number."""
        if due < self.soonest:  # noqa: PLR1730 - a comparison costs a third of a call
            self.soonest = due
        number = due // self._width
        if number <= self._reached:
            heapq.heappush(self._near, (due, key, tag))
            return
        bucket = self._far.get(number) or self._bucket(number)
        waiting = bucket.get(tag)
        if waiting is None:
            waiting = bucket[tag] = (array("I"), [])
        waiting[0].append(due - number * self._width)
        waiting[1].append(key)

    def _bucket(self, number: int) -> dict[int, Waiting]:
        bucket = self._far.get(number)
        if bucket is None:
            bucket = self._far[number] = {}
            heapq.heappush(self._order, number)
        return bucket

    def add_many(self, dues: Ints, keys: Sequence[bytes], tag: int) -> None:
        """Let many entries wait; as :meth:`add` for each of them, in any order."""
        numbers = dues // self._width
        order = np.argsort(numbers, kind="stable")
        dues, numbers, keys = dues[order], numbers[order], [keys[at] for at in order.tolist()]
        starts = np.flatnonzero(np.diff(numbers, prepend=-1)).tolist()
        for start, end in pairwise([*starts, len(keys)]):
            self._add_to(int(numbers[start]), dues[start:end], keys[start:end], tag)

    def _add_to(self, number: int, dues: Ints, keys: list[bytes], tag: int) -> None:
        self.soonest = min(self.soonest, int(dues.min()))
        if number <= self._reached:
            self._near.extend(zip(dues.tolist(), keys, repeat(tag)))
            heapq.heapify(self._near)
            return
        since = array("I", (dues - number * self._width).astype(np.uint32).tobytes())
        held = self._bucket(number).setdefault(tag, (since, keys))
        if held[0] is not since:
            held[0].extend(since)
            held[1].extend(keys)

    def pop(self, now: int) -> Iterator[Entry]:
        """Take out what fell due before ``now``, in order; what is added meanwhile takes part."""
        near, order = self._near, self._order
        last: Entry | None = None
        while True:
            if order and order[0] * self._width < now:
                self._bring_near(now)
            if not near or near[0][0] >= now:
                break
            entry = heapq.heappop(near)
            if entry != last:  # the same entry twice is one
                last = entry
                yield entry
        next_bucket = order[0] * self._width if order else NEVER
        self.soonest = min(near[0][0], next_bucket) if near else next_bucket

    def _bring_near(self, now: int) -> None:
        """Bring nearer the buckets that have begun."""
        while self._order and self._order[0] * self._width < now:
            self._reached = heapq.heappop(self._order)
            began = self._reached * self._width
            for tag, (since, keys) in self._far.pop(self._reached).items():
                dues = [began + elapsed for elapsed in since]
                self._near.extend(zip(dues, keys, repeat(tag)))
        heapq.heapify(self._near)
