"""Timers of a partition: what falls due when, in exact order, for sixteen bytes an entry.

Entries wait in coarse buckets of time, each as a number of the milliseconds since its bucket began
and its tag, and a reference to its key; only those of the bucket that the clock is in are in order.
"""

from __future__ import annotations

import heapq
from array import array
from bisect import insort
from collections.abc import Iterator, Sequence
from itertools import pairwise, repeat

import numpy as np

from models.goals.schedule import Ints

Entry = tuple[int, bytes, int]
#: Milliseconds since the bucket began with the tag below them, and keys, of a bucket's entries.
Bucket = tuple["array[int]", list[bytes]]
NEVER = 1 << 62
TAG_BITS = 32
TAG = (1 << TAG_BITS) - 1


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
        #: In order; those before ``_at`` have been taken out.
        self._near: list[Entry] = []
        self._at = 0
        self._far: dict[int, Bucket] = {}
        self._order: list[int] = []
        #: Nothing falls due before this.
        self.soonest = NEVER

    def __len__(self) -> int:
        return len(self._near) - self._at + sum([len(keys) for _, keys in self._far.values()])

    def add(self, due: int, key: bytes, tag: int) -> None:
        """Let an entry wait until ``due``; ``tag`` is an unsigned 32-bit number."""
        if due < self.soonest:  # noqa: PLR1730 - a comparison costs a third of a call
            self.soonest = due
        number, since = divmod(due, self._width)
        if number <= self._reached:
            insort(self._near, (due, key, tag), self._at)
            return
        entries, keys = self._far.get(number) or self._new_bucket(number)
        entries.append(since << TAG_BITS | tag)
        keys.append(key)

    def _new_bucket(self, number: int) -> Bucket:
        bucket = self._far[number] = (array("Q"), [])
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
            self._forget_taken()
            self._near.extend(zip(dues.tolist(), keys, repeat(tag)))
            self._near.sort()
            return
        entries, held = self._far.get(number) or self._new_bucket(number)
        entries.frombytes((dues - number * self._width << TAG_BITS | tag).astype("<u8").tobytes())
        held.extend(keys)

    def pop(self, now: int) -> Iterator[Entry]:
        """Take out what fell due before ``now``, in order; what is added meanwhile takes part."""
        near, order = self._near, self._order
        last: Entry | None = None
        while True:
            if order and order[0] * self._width < now:
                self._bring_near(now)
            if self._at == len(near) or near[self._at][0] >= now:
                break
            entry = near[self._at]
            self._at += 1
            if entry != last:  # the same entry twice is one
                last = entry
                yield entry
        if self._at < len(near):
            self.soonest = near[self._at][0]
        else:
            self.soonest = order[0] * self._width if order else NEVER

    def _bring_near(self, now: int) -> None:
        """Bring nearer the buckets that have begun."""
        self._forget_taken()
        while self._order and self._order[0] * self._width < now:
            self._reached = heapq.heappop(self._order)
            began = self._reached * self._width
            entries, keys = self._far.pop(self._reached)
            self._near += [
                (began + (entry >> TAG_BITS), key, entry & TAG)
                for entry, key in zip(entries, keys, strict=True)
            ]
        self._near.sort()

    def _forget_taken(self) -> None:
        del self._near[: self._at]
        self._at = 0
