"""Quality over the last day, week, window and all time, from rings of tallies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from models.config.durations import DAY
from models.quality.tally import Labels, Tally

Int = npt.NDArray[np.int64]

#: Parts in a ring: a span is kept to an eighth of it.
PARTS = 8


class Ring:
    """Tallies of the last parts of a span of event time.

    Parameters
    ----------
    span
        Milliseconds.

    Examples
    --------
    >>> ring = Ring(span=800)
    >>> ring.add_many(np.array([0, 800, 1500]), Labels.of([0.5] * 3, [1] * 3))
    >>> ring.total().labels
    2
    """

    def __init__(self, span: int) -> None:
        self._part = max(span // PARTS, 1)
        self._tallies: dict[int, Tally] = {}
        self._latest = -1

    def add_many(self, dues: Int, labels: Labels, sign: int = 1) -> None:
        """Count the labels of tickets that were due at these moments."""
        parts = dues // self._part
        first, last = int(parts.min()), int(parts.max())
        if last > self._latest:
            self._latest = last
            for old in [one for one in self._tallies if one <= last - PARTS]:
                del self._tallies[old]
        if first == last:
            self._add(last, labels, sign)
            return
        for part in range(max(first, self._latest - PARTS + 1), last + 1):
            self._add(part, labels.where(parts == part), sign)

    def _add(self, part: int, labels: Labels, sign: int) -> None:
        if part > self._latest - PARTS and len(labels.labels):
            self._tallies.setdefault(part, Tally()).add_many(labels, sign)

    def total(self) -> Tally:
        """All of the span together."""
        total = Tally()
        for _, tally in sorted(self._tallies.items()):
            total.merge(tally)
        return total

    def dump(self) -> dict[str, Any]:
        """The state as plain JSON."""
        return {str(part): tally.dump() for part, tally in sorted(self._tallies.items())}

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state."""
        self._tallies = {int(part): Tally.load(tally) for part, tally in state.items()}
        self._latest = max(self._tallies, default=-1)


class Quality:
    """Prequential quality of a goal: every ticket counted with what was said at its T0.

    Parameters
    ----------
    window
        The goal's window, milliseconds.
    """

    def __init__(self, window: int) -> None:
        self.all_time = Tally()
        self.rings = {"day": Ring(DAY), "week": Ring(7 * DAY), "window": Ring(window)}

    def add_many(
        self, dues: Sequence[int], said: Sequence[float], labels: Sequence[int], sign: int = 1
    ) -> None:
        """Count the labels of tickets, or take them back."""
        if not dues:
            return
        counted, moments = Labels.of(said, labels), np.array(dues)
        self.all_time.add_many(counted, sign)
        for ring in self.rings.values():
            ring.add_many(moments, counted, sign)

    def spans(self) -> dict[str, Tally]:
        """The tally of each span."""
        return {name: ring.total() for name, ring in self.rings.items()} | {"all": self.all_time}

    def dump(self) -> dict[str, Any]:
        """The state as plain JSON."""
        return {name: ring.dump() for name, ring in self.rings.items()} | {
            "all": self.all_time.dump()
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state."""
        self.all_time = Tally.load(state["all"])
        for name, ring in self.rings.items():
            ring.load(state[name])
