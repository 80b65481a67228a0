"""From raw features to the features that a model scales: logarithms, means, rates.

The plain statement for one profile is :mod:`models.learning.vocabulary`; this one does many at
once and a test holds the two together.
"""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from models.learning.layout import ACTIVITY, KNOT_DAYS, PROFILE, VALUE, Block, Layout
from models.profiles.decay import NOTHING
from models.profiles.features import (
    HOURS,
    SOURCE_WIDTH,
    SUMS,
    Float32,
    Float64,
    Int,
    RawFeatures,
)
from models.profiles.profile import OTHER

#: Sets of sources that are remembered with their numbers, for each layout.
REMEMBERED = 8_192
LOG_KNOTS = np.log1p(np.array(KNOT_DAYS) * 24.0)
#: Columns.
TENURE = PROFILE.index("tenure")
RECENCY, NEVER = ACTIVITY.index("recency"), ACTIVITY.index("never")
COUNT_90D = SUMS.start - 1
SUM_90D = SUMS.stop - 1


class Worked(NamedTuple):
    """Features whatever the layout, of which each takes its own.

    Parameters
    ----------
    profile
        Profiles x ``PROFILE``.
    activity, value
        The rows of all profiles x ``ACTIVITY``, and x ``VALUE``.
    """

    profile: Float64
    activity: Float64
    value: Float64


def worked_out(raw: RawFeatures) -> Worked:
    """What the layouts of all goals have in common, worked out once."""
    rows = raw.rows.astype(np.float64)
    return Worked(_of_profile(raw.profile.astype(np.float64)), _activity(rows), _value(rows))


def base_features(layout: Layout, raw: RawFeatures, worked: Worked | None = None) -> Float64:
    """Features before scaling: profiles x ``layout.features``; NaN where an attribute is unknown.

    Parameters
    ----------
    layout
        Which features, in which order.
    raw
        The profiles.
    worked
        What :func:`worked_out` says of them, where it is known already.

    Examples
    --------
    >>> from models.profiles.features import freeze, raw_features
    >>> from models.profiles.profile import Profile
    >>> raw = raw_features([freeze(Profile.starting(0), 3_600_000)])
    >>> base_features(Layout(), raw)[0, 0] == np.log(2)
    np.True_
    """
    worked = worked or worked_out(raw)
    table = np.zeros((len(raw), len(layout.features)))
    start = layout.starts.get(Block("profile"))
    if start is not None:
        table[:, start : start + len(PROFILE)] = worked.profile
    if len(layout.sources):
        _put_sources(table, layout, raw, worked)
    if layout.attributes:
        _put_attributes(table, layout, raw)
    return table


def _put_sources(table: Float64, layout: Layout, raw: RawFeatures, worked: Worked) -> None:
    """Activity and value of every source: of one that a profile has not, it says so."""
    table[:, layout.activity_starts + RECENCY] = worked.profile[:, TENURE, None]
    table[:, layout.activity_starts + NEVER] = 1.0
    owners, numbers, activity, value = _known_rows(layout, raw, worked)
    _put(table, owners, layout.activity_starts[numbers], activity)
    starts = layout.value_starts[numbers]
    valued = starts >= 0
    if valued.all():
        _put(table, owners, starts, value)
    else:
        _put(table, owners[valued], starts[valued], value[valued])


def _put(table: Float64, owners: Int, starts: Int, features: Float64) -> None:
    width = features.shape[1]
    places = (owners * table.shape[1] + starts)[:, None] + np.arange(width)
    table.reshape(-1)[places] = features


def _known_rows(
    layout: Layout, raw: RawFeatures, worked: Worked
) -> tuple[Int, Int, Float64, Float64]:
    """Of the rows of sources that the layout has: whose each is, the source's number, features."""
    other = layout.numbers.get(OTHER, -1)
    numbers = np.fromiter(
        itertools.chain.from_iterable(map(_numbers(layout.sources).__getitem__, raw.names)),
        dtype=np.intp,
        count=len(raw.rows),
    )
    owners = np.repeat(np.arange(len(raw)), np.diff(raw.starts))
    pooled = (numbers == other) & (other >= 0)
    known = (numbers >= 0) & ~pooled
    if known.all():
        return owners, numbers, worked.activity, worked.value
    found = owners[known], numbers[known], worked.activity[known], worked.value[known]
    if not pooled.any():
        return found
    whose, pool = _pool(owners[pooled], raw.rows[pooled])
    rows = pool.astype(np.float64)
    more = whose, np.full(len(whose), other), _activity(rows), _value(rows)
    owners, numbers, activity, value = map(np.concatenate, zip(found, more, strict=True))
    return owners, numbers, activity, value


class _Numbers(dict[tuple[str, ...], list[int]]):
    """The sources of a profile -> the number of each in a layout; worked out when asked for."""

    def __init__(self, sources: tuple[str, ...]) -> None:
        self._numbers = {name: number for number, name in enumerate(sources)}
        self._other = self._numbers.get(OTHER, -1)

    def __missing__(self, names: tuple[str, ...]) -> list[int]:
        found = [self._numbers.get(name, self._other) for name in names]
        if len(self) < REMEMBERED:
            self[names] = found
        return found


@lru_cache(maxsize=64)
def _numbers(sources: tuple[str, ...]) -> _Numbers:
    return _Numbers(sources)


def _pool(owners: Int, rows: Float32) -> tuple[Int, Float32]:
    """Sum the rows of one profile: decayed counters add exactly; the latest gives value, hours."""
    whose, places = np.unique(owners, return_inverse=True)
    sums = np.zeros((len(whose), SOURCE_WIDTH), dtype=np.float32)
    np.add.at(sums[:, : HOURS - 1], places, rows[:, : HOURS - 1])
    latest_last = np.argsort(-rows[:, HOURS], kind="stable")
    sums[places[latest_last], HOURS - 1 :] = rows[latest_last, HOURS - 1 :]
    return whose, sums


def _of_profile(raw: Float64) -> Float64:
    tenure, days, hours, gap = raw[:, 0], raw[:, 1], raw[:, 6], raw[:, 7]
    several = ~np.isnan(gap)
    log_tenure, log_hours = np.log1p(tenure), np.log1p(hours)
    log_gap = np.log1p(np.where(several, gap, 0.0))
    return np.column_stack(
        (
            log_tenure,
            np.maximum(log_tenure[:, None] - LOG_KNOTS, 0.0),
            np.log1p(days),
            np.log1p(raw[:, 2:6]),
            days / (tenure / 24.0 + 1.0),
            log_hours,
            log_gap,
            np.where(several, log_hours - log_gap, 0.0),
            ~several,
        )
    )


def _activity(rows: Float64) -> Float64:
    features = np.zeros((len(rows), len(ACTIVITY)))
    features[:, :RECENCY] = rows[:, : SUMS.start]
    features[:, RECENCY] = rows[:, HOURS]
    return np.log1p(features, out=features)


def _value(rows: Float64) -> Float64:
    count, total = rows[:, COUNT_90D], rows[:, SUM_90D]
    features = np.empty((len(rows), len(VALUE)))
    features[:, :-2] = rows[:, SUMS]
    features[:, -2] = np.divide(total, count, out=np.zeros_like(total), where=count > NOTHING)
    features[:, -1] = rows[:, HOURS - 1]
    return np.copysign(np.log1p(np.abs(features)), features)


def _put_attributes(table: Float64, layout: Layout, raw: RawFeatures) -> None:
    """Columns of attributes: 0 and 1 for categories, NaN where a number is not known."""
    texts: dict[str, dict[float | str, int]] = {}
    for block in layout.attributes:
        column = layout.starts[block]
        if block.kind == "category":
            texts.setdefault(block.name, {})[block.text] = column
        else:
            table[:, column] = [_number(one.get(block.name)) for one in raw.attributes]
    for name, by_text in texts.items():
        found = [by_text.get(one.get(name, np.nan), -1) for one in raw.attributes]
        chosen = np.array(found, dtype=np.intp)
        rows = np.flatnonzero(chosen >= 0)
        table[rows, chosen[rows]] = 1.0


def _number(value: float | str | None) -> float:
    return value if isinstance(value, float) else np.nan
