"""Reasons in words: what a profile's feature says, for people.

Words come from the data, the direction from the contribution; no weight is ever quoted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from models.config.durations import DAY
from models.learning.layout import Block, Layout
from models.profiles.decay import HALF_LIVES
from models.profiles.features import Float64
from models.profiles.profile import OTHER

Phrase = Callable[[float], str]

#: A decayed counter weighs like a plain count over this many half-lives.
REACH = 1 / math.log(2)
#: What features that look back by a half-life are called, by the kind of their block.
WINDOWED = {"profile": "days", "activity": "count", "value": "sum"}


def elapsed(hours: float) -> str:
    """A stretch of time in words.

    Examples
    --------
    >>> elapsed(0.4), elapsed(14.2), elapsed(75), elapsed(24 * 400)
    ('24 minutes', '14 hours', '3 days', '13 months')
    """
    for size, unit in ((24 * 60, "month"), (48, "day"), (1, "hour")):
        if hours >= size:
            number = round(hours / {"month": 24 * 30.44, "day": 24, "hour": 1}[unit])
            return f"{number} {unit}" + ("s" if number != 1 else "")
    minutes = max(round(hours * 60), 1)
    return f"{minutes} minute" + ("s" if minutes != 1 else "")


def amount(value: float) -> str:
    """A number as short as it stays telling.

    Examples
    --------
    >>> amount(3.04), amount(12.349), amount(1234.5), amount(0.2)
    ('3', '12.3', '1,234', '0.2')
    """
    digits = 0 if abs(value) >= 100 else 1
    return f"{value:,.{digits}f}".removesuffix(".0")


def reach_of(half_life: str) -> str:
    """How far back a half-life reaches, in words.

    Examples
    --------
    >>> reach_of("7d")
    '10 days'
    """
    return elapsed(hours_of(half_life))


def hours_of(half_life: str) -> float:
    """How far back a half-life reaches, in hours."""
    return HALF_LIVES[half_life] / DAY * 24 * REACH


def reaches_of(layout: Layout) -> Float64:
    """How far back each feature of a layout looks, in hours; 0 for what looks back on everything.

    A profile that is younger than that is told what it did so far: it did nothing before.

    Examples
    --------
    >>> layout = Layout((Block("activity", "event/basket"),))
    >>> [float(reach.round(1)) for reach in reaches_of(layout)]
    [1.4, 34.6, 242.4, 1038.7, 3116.2, 0.0, 0.0]
    """
    return np.array(
        [_reach(block, feature) for block in layout.blocks for feature in block.features]
    )


def _reach(block: Block, feature: str) -> float:
    kind, _, half_life = feature.rpartition("/")[2].rpartition("_")
    return hours_of(half_life) if kind == WINDOWED.get(block.kind) else 0.0


def phrases_of(layout: Layout, titles: Mapping[str, str], *, young: bool = False) -> list[Phrase]:
    """For each feature of a layout, from its value before scaling to words.

    Parameters
    ----------
    layout
        The layout.
    titles
        What people call the user's own events, by source.
    young
        For profiles that are younger than :func:`reaches_of` says.
    """
    return [
        _phrase(block, feature.rpartition("/")[2], title_of(block.name, titles), young)
        for block in layout.blocks
        for feature in block.features
    ]


def title_of(source: str, titles: Mapping[str, str]) -> str:
    """What people call a source: its title, or its name made readable.

    Examples
    --------
    >>> title_of("event/add_to_cart", {}), title_of("other", {})
    ('Add to cart', 'Other events')
    """
    if source == OTHER:
        return "Other events"
    name = source.partition("/")[2].replace("_", " ")
    return titles.get(source, name[:1].upper() + name[1:])


def _phrase(block: Block, name: str, title: str, young: bool) -> Phrase:
    if block.kind == "number":
        return lambda value: f"{block.name}: {'not known' if math.isnan(value) else amount(value)}"
    if block.kind == "category":
        return lambda value: f"{block.name}: {'' if value else 'not '}{block.text}"
    if block.kind == "profile":
        return _of_profile(name, young)
    if block.kind == "activity":
        return _of_activity(name, title, young)
    return _of_value(name, title, young)


def _when(half_life: str, young: bool, word: str = "in") -> str:
    return "so far" if young else f"{word} the last {reach_of(half_life)}"


def _of_activity(name: str, title: str, young: bool) -> Phrase:
    if name == "recency":
        return lambda value: f"{title}: last {elapsed(math.expm1(value))} ago"
    if name == "never":
        return lambda value: f"{title}: none yet" if value else f"{title}: has happened"
    when = _when(name.removeprefix("count_"), young)
    return lambda value: f"{title}: {_about(math.expm1(value))} {when}"


def _of_value(name: str, title: str, young: bool) -> Phrase:
    if name == "mean":
        return lambda value: f"{title}: {amount(_signed(value))} on average"
    if name == "value":
        return lambda value: f"{title}: {amount(_signed(value))} the last time"
    when = _when(name.removeprefix("sum_"), young)
    return lambda value: f"{title}: about {amount(_signed(value))} in all {when}"


def _of_profile(name: str, young: bool) -> Phrase:
    if name.startswith("days_"):
        when = _when(name.removeprefix("days_"), young, "of")
        return lambda value: f"Active on {_days(math.expm1(value))} {when}"
    if name.startswith("tenure_"):
        days = int(name.removeprefix("tenure_").removesuffix("d"))
        return lambda value: _known_for(value, days)
    return _OF_PROFILE[name]


def _known_for(beyond: float, days: int) -> str:
    """The age of an account by how far its logarithm is beyond a knot."""
    if beyond <= 0:
        return f"Known for less than {elapsed(days * 24.0)}"
    return f"Known for {elapsed(math.expm1(beyond + math.log1p(days * 24.0)))}"


def _days(count: float) -> str:
    """A decayed count of active days."""
    return "no day" if count < 0.5 else f"about {_some(round(count), 'day')}"


def _some(number: float, unit: str) -> str:
    return f"{amount(number)} {unit}" if amount(number) == "1" else f"{amount(number)} {unit}s"


def _silent(times: float) -> str:
    """Silence beside the usual gap."""
    if times < 0.1:
        return "Silent for less than a tenth of the usual gap"
    return f"Silent {_some(times, 'time')} the usual gap"


_OF_PROFILE: dict[str, Phrase] = {
    "days": lambda value: f"Active on {_some(round(math.expm1(value)), 'day')} so far",
    "rate": lambda value: f"Active on {min(value, 1.0):.0%} of days",
    "recency": lambda value: f"Last seen {elapsed(math.expm1(value))} ago",
    "gap": lambda value: (
        f"Usually {elapsed(math.expm1(value))} between active days"
        if value > 0
        else "Active on one day only"
    ),
    "overdue": lambda value: _silent(math.exp(value)),
    "one_day": lambda value: "Active on one day only" if value else "Active on several days",
    "tenure": lambda value: f"Known for {elapsed(math.expm1(value))}",
}


def _signed(value: float) -> float:
    return math.copysign(math.expm1(abs(value)), value)


def _about(count: float) -> str:
    """A decayed count: none, or about so many."""
    return "none" if count < 0.5 else f"about {round(count)}"
