"""Factors: which weights belong together under one human-readable name.

A single weight says little (one half-life may be up while its neighbour is down); their sum over
everything that tells of one aspect is stable and believable (measured in docs/accuracy.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.learning.layout import Block, Layout
from models.profiles.features import Float64, Int

AGE = "profile/age"
REGULARITY = "profile/regularity"
RHYTHM = "profile/rhythm"

#: Features of the profile that are not of its age, by factor; recency goes to a source.
_OF_PROFILE = {"gap": RHYTHM, "overdue": RHYTHM, "one_day": RHYTHM, "rate": REGULARITY}

#: Contributions, in log-odds: below the last nobody is told.
STRONG, MEDIUM, LEAST = 1.0, 0.4, 0.1


def factor_of(block: Block, feature: str, primary: str) -> str:
    """The factor that a feature belongs to.

    Parameters
    ----------
    block, feature
        The feature and its block.
    primary
        The source that the recency of any event is told with.

    Examples
    --------
    >>> factor_of(Block("activity", "event/basket"), "event/basket/count_7d", "event/basket")
    'event/basket/activity'
    """
    name = feature.rpartition("/")[2]
    if block.kind in ("number", "category"):
        return f"attribute/{block.name}"
    if block.kind != "profile":
        return f"{block.name}/{block.kind}"
    if name == "recency":
        return f"{primary}/activity"
    if name.startswith("tenure"):
        return AGE
    return _OF_PROFILE.get(name, REGULARITY)


@dataclass(frozen=True, slots=True)
class Factors:
    """The factors of a layout.

    Parameters
    ----------
    names
        Of each factor.
    of_feature
        For each feature, the number of its factor.
    members
        float64, features x factors, 1 where a feature belongs to a factor.
    is_last
        Of each factor, whether it is never told first.
    """

    names: tuple[str, ...]
    of_feature: Int
    members: Float64
    is_last: npt.NDArray[np.bool_]


def factors_of(layout: Layout) -> Factors:
    """The factors of a layout."""
    primary = next((name for name in layout.sources), "profile")
    told = [
        factor_of(block, feature, primary) for block in layout.blocks for feature in block.features
    ]
    names = tuple(dict.fromkeys(told))
    of_feature = np.array([names.index(name) for name in told], dtype=np.intp)
    members = np.zeros((len(told), len(names)))
    members[np.arange(len(told)), of_feature] = 1.0
    is_last = np.array([name == AGE for name in names], dtype=np.bool_)
    return Factors(names, of_feature, members, is_last)


def importance(contribution: float) -> str:
    """How strong a contribution is, in a word.

    Examples
    --------
    >>> importance(-1.2), importance(0.5), importance(0.2)
    ('strong', 'medium', 'weak')
    """
    size = abs(contribution)
    return "strong" if size >= STRONG else "medium" if size >= MEDIUM else "weak"
