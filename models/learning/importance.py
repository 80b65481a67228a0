"""How much each factor weighs lately, and how steady that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.learning.layout import Layout
from models.profiles.features import Float64
from models.scoring.factors import factors_of

#: Of the labels, one in so many is looked at.
EVERY = 16
#: Over how many of those looked at it is remembered, and how far apart marks are.
MEMORY = 125
#: Marks kept: the present is compared with the oldest.
MARKS = 4


class Importance:
    """The mean size of each factor's contribution over recent tickets.

    Examples
    --------
    >>> importance = Importance()
    >>> importance.observe(("a", "b"), np.array([-3.0, 1.0]))
    >>> importance.shares, importance.stability
    ({'a': 0.75, 'b': 0.25}, None)
    """

    def __init__(self) -> None:
        self.means: dict[str, float] = {}
        self.observed = 0
        self.marks: list[dict[str, float]] = []
        self._fitted: Layout | None = None

    def observe(self, names: Sequence[str], contributions: Float64) -> None:
        """Look at the contributions of the factors to one logit."""
        self.observed += 1
        pace = 1.0 / min(self.observed, MEMORY)
        for name, size in zip(names, np.abs(contributions).tolist(), strict=True):
            known = self.means.get(name, 0.0)
            self.means[name] = known + pace * (size - known)
        if self.observed % MEMORY == 0:
            self.marks = [*self.marks[1 - MARKS :], self.shares]

    def observe_design(self, layout: Layout, added: Float64, plain: Any, hinges: Any) -> None:
        """Look at what each weight adds to one logit.

        Parameters
        ----------
        layout
            Of the design vector.
        added
            One number for each weight.
        plain, hinges
            Where the features and their hinges stand in the design vector.
        """
        if layout is not self._fitted:
            self._fitted, self._factors = layout, factors_of(layout)
        shares = added[plain]
        shares[layout.hinged] += added[hinges]
        names = self._factors.names
        self.observe(names, shares @ self._factors.members)

    @property
    def shares(self) -> dict[str, float]:
        """The share of each factor in all that is said; they sum to 1."""
        total = sum(self.means.values()) or 1.0
        return {name: size / total for name, size in self.means.items()}

    @property
    def stability(self) -> float | None:
        """How much of the shares is where it was at the oldest mark: 1 is all of it."""
        if not self.marks:
            return None
        now, before = self.shares, self.marks[0]
        return sum(min(share, before.get(name, 0.0)) for name, share in now.items())

    def dump(self) -> dict[str, Any]:
        """The state as plain JSON."""
        return {"means": self.means, "observed": self.observed, "marks": self.marks}

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state."""
        self.means, self.observed = dict(state["means"]), state["observed"]
        self.marks = [dict(mark) for mark in state["marks"]]
