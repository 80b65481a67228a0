"""A first look through a file: how many events, from when to when, in which order, what is odd.

Nothing is kept but counts, so the length of the file does not matter.
"""

from __future__ import annotations

import heapq
import tempfile
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
import orjson

from models.config.durations import DAY
from models.config.schema import LimitsPart
from models.errors import InvalidEvent
from models.events.parsing import parse_event
from models.events.times import format_time, parse_time
from streams.offline.files import read_events
from streams.offline.layout import PLAIN, FileLayout

#: Nobody is believed alone who is so far ahead of everybody else.
FAR_AHEAD = 90 * DAY
#: How many of the latest times are looked at for one that is out of line.
LATEST = 32
#: Times before 1980, where all are: seconds taken for milliseconds.
TOO_OLD = 3653 * DAY
_PIECES = 16


@dataclass
class Survey:
    """What a file holds.

    Parameters
    ----------
    lines
        How many lines there are, good or bad.
    readable
        How many have a time.
    first, last
        The earliest and the latest time, milliseconds; -1 where there is none.
    horizon
        Events later than this are out of line: nobody else is anywhere near.
    disordered
        How many events are earlier than one before them.
    most_late
        By how much, at most, milliseconds.
    first_disordered
        The line of the first of them.
    repeated
        How many events have the id of another one.
    zones
        How often times were written with each zone.
    first_problem, first_problem_line
        What is wrong with the first line that is no event, and which it is.
    """

    lines: int = 0
    readable: int = 0
    first: int = -1
    last: int = -1
    horizon: int = -1
    disordered: int = 0
    most_late: int = 0
    first_disordered: int | None = None
    repeated: int = 0
    zones: Counter[str] = field(default_factory=Counter)
    first_problem: str = ""
    first_problem_line: int | None = None

    def summary(self) -> dict[str, Any]:
        """The survey as plain JSON."""
        return {
            "lines": self.lines,
            "first": format_time(self.first) if self.readable else None,
            "last": format_time(self.last) if self.readable else None,
            "out_of_order": self.disordered,
            "most_late_seconds": self.most_late / 1000,
            "first_out_of_order_line": self.first_disordered,
            "repeated_ids": self.repeated,
            "zones": dict(self.zones.most_common()),
        }


def survey(path: str, layout: FileLayout = PLAIN) -> Survey:
    """Look through a file.

    Raises
    ------
    ConfigError
        The file cannot be read to its end.
    """
    found, latest = Survey(), Latest()
    with repeats() as ids:
        for line in read_events(path, layout):
            found.lines += 1
            try:
                fields = orjson.loads(line.value)
                stamp = fields["timestamp"]
                at = parse_time(stamp)
                profile, event_id = fields["profile_id"], fields["event_id"]
            except (ValueError, KeyError, TypeError):
                # Refused with its reason when it is applied.
                if not found.first_problem:
                    found.first_problem = _problem_of(line.value)
                    found.first_problem_line = line.number
                continue
            _count(found, line.number, at)
            found.zones[_zone(stamp)] += 1
            latest.add(at, profile)
            ids.add(event_id)
        found.repeated = ids.count()
    found.horizon = latest.horizon()
    return found


def _problem_of(value: bytes) -> str:
    """What a worker would say of a line that is no event."""
    try:
        parse_event(value, LimitsPart())
    except InvalidEvent as error:
        return str(error)
    return "no event"


def _count(found: Survey, number: int, at: int) -> None:
    found.readable += 1
    if at < found.last:
        found.disordered += 1
        found.most_late = max(found.most_late, found.last - at)
        found.first_disordered = found.first_disordered or number
    found.first = at if found.first < 0 else min(found.first, at)
    found.last = max(found.last, at)


def _zone(stamp: Any) -> str:
    if not isinstance(stamp, str):
        return "epoch"
    return stamp[-6:] if stamp[-6:-5] in ("+", "-") else stamp[-1:]


class Latest:
    """The latest times, to find one that is out of line.

    Examples
    --------
    >>> latest = Latest()
    >>> for at, who in ((0, "a"), (DAY, "b"), (9000 * DAY, "c")):
    ...     latest.add(at, who)
    >>> latest.horizon() // DAY
    1
    """

    def __init__(self) -> None:
        self._held: list[tuple[int, str]] = []

    def add(self, at: int, profile: Any) -> None:
        """Look at a time and whose it is."""
        if len(self._held) < LATEST:
            heapq.heappush(self._held, (at, str(profile)))
        elif at > self._held[0][0]:
            heapq.heapreplace(self._held, (at, str(profile)))

    def horizon(self) -> int:
        """The latest time that is not out of line; -1 where there is none at all."""
        times = sorted(self._held, reverse=True)
        for place, (at, profile) in enumerate(times):
            others = [other for other, who in times[place + 1 :] if who != profile]
            if not others or at - others[0] <= FAR_AHEAD:
                return at
        return -1


class Repeats:
    """Counts repeated ids exactly, on disk: eight bytes an id.

    Parameters
    ----------
    file
        Where the hashes go.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._held = array("q")

    def add(self, event_id: Any) -> None:
        """Look at an id."""
        self._held.append(hash(event_id))
        if len(self._held) >= 65_536:
            self._held.tofile(self._file)
            self._held = array("q")

    def count(self) -> int:
        """How many ids were there before."""
        self._held.tofile(self._file)
        self._file.flush()
        if not self._file.tell():
            return 0
        hashes = np.memmap(self._file.name, dtype=np.int64, mode="r")
        return sum(_repeated(hashes, piece) for piece in range(_PIECES))


def _repeated(hashes: Any, piece: int) -> int:
    """Repeats among the hashes of one piece of all that there can be: memory stays small."""
    found = [
        part[(part & (_PIECES - 1)) == piece]
        for part in (hashes[at : at + 1_000_000] for at in range(0, len(hashes), 1_000_000))
    ]
    held = np.concatenate(found)
    return len(held) - len(np.unique(held))


@contextmanager
def repeats() -> Iterator[Repeats]:
    """A counter of repeated ids, with its file while it is needed."""
    with tempfile.NamedTemporaryFile() as file:
        yield Repeats(file)
