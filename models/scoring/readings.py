"""Features as people read them: a title, a unit, and the number without its logarithm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from models.learning.layout import Block, Layout
from models.profiles.features import Float64
from models.scoring.factors import AGE, REGULARITY, RHYTHM
from models.scoring.phrases import reach_of, title_of

Convert = Callable[[Float64], Float64]

#: The units of what is 0 or 1, and of parts of a whole.
FLAG, SHARE = "no or yes", "share"
_TITLES = {
    AGE: "Account age",
    REGULARITY: "Regularity of active days",
    RHYTHM: "Silence beside the usual rhythm",
}


class Reading(NamedTuple):
    """How a feature is read.

    Parameters
    ----------
    title
        What it is.
    unit
        What it is counted in, :data:`FLAG` or :data:`SHARE`; empty for a bare number.
    convert
        From values before scaling to what is read.
    """

    title: str
    unit: str
    convert: Convert


def factor_title(factor: str, titles: Mapping[str, str]) -> str:
    """What people call a factor.

    Examples
    --------
    >>> factor_title("event/basket/activity", {}), factor_title("profile/rhythm", {})
    ('Basket: how often, how lately', 'Silence beside the usual rhythm')
    """
    if factor in _TITLES:
        return _TITLES[factor]
    name, _, aspect = factor.rpartition("/")
    if name == "attribute":
        return aspect.replace("_", " ").capitalize()
    aspects = {"activity": "how often, how lately", "value": "amounts"}
    return f"{title_of(name, titles)}: {aspects.get(aspect, aspect)}"


def readings_of(layout: Layout, titles: Mapping[str, str]) -> list[Reading]:
    """The reading of each feature of a layout."""
    return [
        _reading(block, feature.rpartition("/")[2], title_of(block.name, titles))
        for block in layout.blocks
        for feature in block.features
    ]


def _reading(block: Block, name: str, title: str) -> Reading:
    if block.kind == "profile":
        return _OF_PROFILE.get(name) or _days_of(name)
    if block.kind == "activity":
        return _of_activity(name, title)
    if block.kind == "value":
        return _of_value(name, title)
    if block.kind == "category":
        return Reading(f"{block.name} is {block.text}", FLAG, _same)
    return Reading(block.name, "", _same)


def _of_activity(name: str, title: str) -> Reading:
    if name == "recency":
        return Reading(f"{title}: days since the last", "days", _days)
    if name == "never":
        return Reading(f"{title}: never", FLAG, _same)
    return Reading(f"{title}: in about the last {reach_of(name[6:])}", "", np.expm1)


def _of_value(name: str, title: str) -> Reading:
    if name == "mean":
        return Reading(f"{title}: mean amount", "", _signed)
    if name == "value":
        return Reading(f"{title}: last amount", "", _signed)
    return Reading(f"{title}: sum in about the last {reach_of(name[4:])}", "", _signed)


def _days_of(name: str) -> Reading:
    if name.startswith("tenure_"):
        hours = int(name.removeprefix("tenure_").removesuffix("d")) * 24.0
        return Reading("Days since the first event", "days", lambda v: _beyond(v, hours))
    return Reading(f"Active days in about the last {reach_of(name[5:])}", "days", np.expm1)


def _same(values: Float64) -> Float64:
    return values


def _days(values: Float64) -> Float64:
    hours: Float64 = np.expm1(values)
    return hours / 24.0


def _beyond(values: Float64, hours: float) -> Float64:
    """Days by how far their logarithm is beyond a knot; up to the knot, the knot."""
    return _days(values + np.log1p(hours))


def _signed(values: Float64) -> Float64:
    found: Float64 = np.copysign(np.expm1(np.abs(values)), values)
    return found


_OF_PROFILE = {
    "tenure": Reading("Days since the first event", "days", _days),
    "days": Reading("Active days so far", "days", np.expm1),
    "rate": Reading("Share of active days", SHARE, _same),
    "recency": Reading("Days since the last event", "days", _days),
    "gap": Reading("Usual days between active days", "days", _days),
    "overdue": Reading("Silence over the usual gap", "times", np.exp),
    "one_day": Reading("Active on one day only", FLAG, _same),
}
