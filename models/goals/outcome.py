"""Outcomes compiled: counting towards one inside a single integer.

The progress of a ticket is a number of at most 64 bits: each part of the outcome counts its events
in bits of its own, up to its ``times``. Progress only grows and does not depend on the order in
which events arrive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models.config.conditions import Condition
from models.config.goals import Happening

Met = Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts one part of an outcome in its bits of the progress.

    Parameters
    ----------
    condition
        Number of the condition whose events it counts.
    times
        Where it stops.
    shift
        Its lowest bit.
    """

    condition: int
    times: int
    shift: int

    def count(self, progress: int) -> int:
        """How many it has counted."""
        return (progress >> self.shift) & ((1 << self.times.bit_length()) - 1)

    def advance(self, progress: int) -> int:
        """The progress after one more of its events."""
        return progress + (1 << self.shift) if self.count(progress) < self.times else progress


class CompiledOutcome:
    """Counters of an outcome, and whether a progress meets it.

    Parameters
    ----------
    happening
        What the user wrote.
    number
        From a condition to its number.
    resolve
        From the name of one of the user's own events to its condition.

    Examples
    --------
    >>> basket = {"field": "type", "equals": "basket"}
    >>> twice = Happening.model_validate({"where": basket, "times": 2})
    >>> outcome = CompiledOutcome(twice, lambda condition: 0, dict.__getitem__)
    >>> once = outcome.advance(0, [0])
    >>> outcome.met(once), outcome.met(outcome.advance(once, [0]))
    (False, True)
    """

    def __init__(
        self,
        happening: Happening,
        number: Callable[[Condition], int],
        resolve: Callable[[str], Condition],
    ) -> None:
        self._number = number
        self._resolve = resolve
        self.counters: list[Counter] = []
        self._bits = 0
        self.met: Met = self._compile(happening)

    @property
    def conditions(self) -> frozenset[int]:
        """The numbers of the conditions that advance it."""
        return frozenset(counter.condition for counter in self.counters)

    def advance(self, progress: int, numbers: list[int]) -> int:
        """The progress after an event that meets the conditions of these numbers."""
        for counter in self.counters:
            if counter.condition in numbers:
                progress = counter.advance(progress)
        return progress

    def _compile(self, happening: Happening) -> Met:
        if happening.parts:
            parts = [self._compile(part) for part in happening.parts]
            if happening.all_of:
                return lambda progress: all(met(progress) for met in parts)
            return lambda progress: any(met(progress) for met in parts)
        counter = self._counter(happening)
        return lambda progress: counter.count(progress) >= counter.times

    def _counter(self, happening: Happening) -> Counter:
        condition = happening.where or self._resolve(str(happening.event))
        counter = Counter(self._number(condition), happening.times, self._bits)
        self._bits += happening.times.bit_length()
        self.counters.append(counter)
        return counter
