"""Which numbers a model looks at, in which order, and which factor each belongs to.

A layout is a list of blocks. Blocks are only ever appended, so the weights learned so far keep
their places. Which blocks there are is the trainer's decision (:mod:`models.learning.vocabulary`)
and travels in the snapshot, so that every scorer agrees.

==========  ===========================================================================
block       features
==========  ===========================================================================
profile     account age with knots, active days, rate, recency, gap, overdue, one day
activity    of a source: five counters, recency, never
value       of a source: three sums, mean value, latest value
number      an attribute that is a number
category    an attribute that is a certain text: 0 or 1
==========  ===========================================================================
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from models.profiles.decay import DAY_HALF_LIVES, HALF_LIVES, SUM_HALF_LIVES
from models.profiles.features import Int

Kind = Literal["profile", "activity", "value", "number", "category"]

KNOT_DAYS = (1, 7, 30, 90)
KNOTS = tuple(f"tenure_{days}d" for days in KNOT_DAYS)
PROFILE = (
    "tenure", *KNOTS, "days", *(f"days_{name}" for name in DAY_HALF_LIVES), "rate", "recency",
    "gap", "overdue", "one_day",
)  # fmt: skip
ACTIVITY = (*(f"count_{name}" for name in HALF_LIVES), "recency", "never")
VALUE = (*(f"sum_{name}" for name in SUM_HALF_LIVES), "mean", "value")
#: Features that are 0 or 1, or hinges already.
PLAIN = frozenset({"never", "one_day", *KNOTS})


@dataclass(frozen=True, slots=True)
class Block:
    """Features that come and go together.

    Parameters
    ----------
    kind
        What they are.
    name
        The source or attribute they are of; empty for the profile.
    text
        Of a category, the attribute's text.
    """

    kind: Kind
    name: str = ""
    text: str = ""

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its features.

        Examples
        --------
        >>> Block("value", "event/basket").features[-2:]
        ('event/basket/mean', 'event/basket/value')
        """
        if self.kind == "number":
            return (f"attribute/{self.name}",)
        if self.kind == "category":
            return (f"attribute/{self.name}={self.text}",)
        names = {"profile": PROFILE, "activity": ACTIVITY, "value": VALUE}[self.kind]
        return tuple(f"{self.name or 'profile'}/{name}" for name in names)


def is_hinged(feature: str) -> bool:
    """Whether a hinge goes with a feature: not with those of two values, nor with hinges.

    Examples
    --------
    >>> is_hinged("event/basket/count_7d"), is_hinged("event/basket/never")
    (True, False)
    """
    return "=" not in feature and feature.rpartition("/")[2] not in PLAIN


@dataclass(frozen=True)
class Layout:
    """The blocks of a model, in order.

    Examples
    --------
    >>> layout = Layout((Block("profile"), Block("activity", "event/basket")))
    >>> layout.sources, len(layout.features)
    (('event/basket',), 22)
    """

    blocks: tuple[Block, ...] = (Block("profile"),)

    def with_blocks(self, blocks: Iterable[Block]) -> Layout:
        """The layout with more blocks at its end."""
        return Layout((*self.blocks, *blocks))

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The sources known by name, and ``other`` where the model has it."""
        return tuple(block.name for block in self.blocks if block.kind == "activity")

    @cached_property
    def attributes(self) -> tuple[Block, ...]:
        """The blocks of attributes."""
        return tuple(block for block in self.blocks if block.kind in ("number", "category"))

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The names of all features."""
        return tuple(name for block in self.blocks for name in block.features)

    @cached_property
    def hinged(self) -> Int:
        """The indices of the features that have a hinge."""
        return np.array([n for n, name in enumerate(self.features) if is_hinged(name)], dtype=int)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Source -> its number; sources without one are pooled in ``other``, or left out."""
        return {name: number for number, name in enumerate(self.sources)}

    @cached_property
    def starts(self) -> dict[Block, int]:
        """Where the features of each block begin."""
        widths = [len(block.features) for block in self.blocks]
        return dict(zip(self.blocks, itertools.accumulate(widths, initial=0), strict=False))

    @cached_property
    def activity_starts(self) -> Int:
        """Where the activity of each source begins."""
        return self._starts("activity")

    @cached_property
    def value_starts(self) -> Int:
        """Where the value of each source begins; -1 where the model has none."""
        return self._starts("value")

    def _starts(self, kind: Kind) -> Int:
        return np.array([self.starts.get(Block(kind, one), -1) for one in self.sources], np.intp)
