"""Quality over the last day, week, window and all time, from rings of tallies."""

from __future__ import annotations

from typing import Any

from models.config.durations import DAY
from models.quality.tally import Tally

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
    >>> for due in (0, 800, 1500):
    ...     ring.add(due, 0.5, 1)
    >>> ring.total().labels
    2
    """

    def __init__(self, span: int) -> None:
        self._part = max(span // PARTS, 1)
        self._tallies: dict[int, Tally] = {}

    def add(self, due: int, p: float, label: int, sign: int = 1) -> None:
        """Count the label of a ticket that was due at a moment."""
        part = due // self._part
        if part not in self._tallies:
            latest = max(part, *self._tallies, part)
            if part <= latest - PARTS:
                return
            self._tallies[part] = Tally()
            for old in [one for one in self._tallies if one <= latest - PARTS]:
                del self._tallies[old]
        self._tallies[part].add(p, label, sign)

    def total(self) -> Tally:
        """All of the span together."""
        total = Tally()
        for tally in self._tallies.values():
            total.merge(tally)
        return total

    def dump(self) -> dict[str, Any]:
        """The state as plain JSON."""
        return {str(part): tally.dump() for part, tally in self._tallies.items()}

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state."""
        self._tallies = {int(part): Tally.load(tally) for part, tally in state.items()}


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

    def add(self, due: int, p: float, label: int, sign: int = 1) -> None:
        """Count a label, or take it back."""
        self.all_time.add(p, label, sign)
        for ring in self.rings.values():
            ring.add(due, p, label, sign)

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
