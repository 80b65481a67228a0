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
    one
        What an event adds to the progress.
    bits
        Those of the progress that are its own.
    full
        What they show when it has counted enough.
    """

    condition: int
    one: int
    bits: int
    full: int

    @classmethod
    def counting(cls, condition: int, times: int, shift: int) -> Counter:
        """One that counts to ``times`` from the bit ``shift`` on."""
        bits = (1 << times.bit_length()) - 1
        return cls(condition, 1 << shift, bits << shift, times << shift)

    def met(self, progress: int) -> bool:
        """Whether it has counted enough."""
        return progress & self.bits == self.full


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
            if counter.condition in numbers and progress & counter.bits != counter.full:
                progress += counter.one
        return progress

    def _compile(self, happening: Happening) -> Met:
        if happening.parts:
            parts = [self._compile(part) for part in happening.parts]
            if happening.all_of:
                return lambda progress: all(met(progress) for met in parts)
            return lambda progress: any(met(progress) for met in parts)
        return self._counter(happening).met

    def _counter(self, happening: Happening) -> Counter:
        condition = happening.where or self._resolve(str(happening.event))
        counter = Counter.counting(self._number(condition), happening.times, self._bits)
        self._bits += happening.times.bit_length()
        self.counters.append(counter)
        return counter
