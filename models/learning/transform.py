"""From raw features to the features that a model scales: logarithms, means, rates.

The plain statement for one profile is :mod:`models.learning.vocabulary`; this one does many at
once and a test holds the two together.
"""

from __future__ import annotations

import itertools
from functools import lru_cache

import numpy as np

from models.learning.layout import KNOT_DAYS, Layout
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

LOG_KNOTS = np.log1p(np.array(KNOT_DAYS) * 24.0)
COUNT_90D = SUMS.start - 1
SUM_90D = SUMS.stop - 1


def base_features(layout: Layout, raw: RawFeatures) -> Float64:
    """Features before scaling: profiles x ``layout.features``; NaN where an attribute is unknown.

    Examples
    --------
    >>> from models.profiles.features import freeze, raw_features
    >>> from models.profiles.profile import Profile
    >>> raw = raw_features([freeze(Profile.starting(0), 3_600_000)])
    >>> base_features(Layout(), raw)[0, 0] == np.log(2)
    np.True_
    """
    profile = raw.profile.astype(np.float64)
    sources = _by_source(layout, raw).astype(np.float64)
    table = np.concatenate(
        (
            _of_profile(profile),
            _activity(sources, profile[:, 0]).reshape(len(raw), -1),
            _value(sources).reshape(len(raw), -1),
            _attributes(layout, raw),
        ),
        axis=1,
    )
    return np.ascontiguousarray(table[:, layout.columns])


def _by_source(layout: Layout, raw: RawFeatures) -> Float32:
    """Raw features of sources by the layout's numbers; hours are NaN where there was no event."""
    dense = np.zeros((len(raw), len(layout.sources), SOURCE_WIDTH), dtype=np.float32)
    dense[:, :, HOURS] = np.nan
    if not len(raw.rows):
        return dense
    sources = layout.sources
    numbers = np.fromiter(
        itertools.chain.from_iterable([_numbers(sources, names) for names in raw.names]),
        dtype=np.intp,
        count=len(raw.rows),
    )
    owners = np.repeat(np.arange(len(raw)), np.diff(raw.starts))
    other = layout.numbers.get(OTHER, -1)
    known = (numbers >= 0) & (numbers != other)
    dense[owners[known], numbers[known]] = raw.rows[known]
    pooled = (numbers == other) & (other >= 0)
    if pooled.any():
        _pool(dense[:, other], owners[pooled], raw.rows[pooled])
    return dense


@lru_cache(maxsize=8_192)
def _numbers(sources: tuple[str, ...], names: tuple[str, ...]) -> list[int]:
    numbers = {name: number for number, name in enumerate(sources)}
    other = numbers.get(OTHER, -1)
    return [numbers.get(name, other) for name in names]


def _pool(dense: Float32, owners: Int, rows: Float32) -> None:
    """Sum the rows of one profile: decayed counters add exactly; the latest gives value, hours."""
    np.add.at(dense[:, : HOURS - 1], owners, rows[:, : HOURS - 1])
    latest_last = np.argsort(-rows[:, HOURS], kind="stable")
    dense[owners[latest_last], HOURS - 1 :] = rows[latest_last, HOURS - 1 :]


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


def _activity(raw: Float64, tenure: Float64) -> Float64:
    hours = raw[:, :, HOURS]
    never = np.isnan(hours)
    recency = np.where(never, tenure[:, None], hours)
    logs = np.log1p(np.concatenate((raw[:, :, : SUMS.start], recency[:, :, None]), axis=2))
    return np.concatenate((logs, never[:, :, None]), axis=2)


def _value(raw: Float64) -> Float64:
    count, total = raw[:, :, COUNT_90D], raw[:, :, SUM_90D]
    mean = np.divide(total, count, out=np.zeros_like(total), where=count > NOTHING)
    values = np.concatenate((raw[:, :, SUMS], mean[:, :, None], raw[:, :, HOURS - 1, None]), axis=2)
    signed: Float64 = np.copysign(np.log1p(np.abs(values)), values)
    return signed


def _attributes(layout: Layout, raw: RawFeatures) -> Float64:
    """Columns of attributes: 0 and 1 for categories, NaN where a number is not known."""
    columns = layout.attributes
    table = np.zeros((len(raw), len(columns)))
    texts: dict[str, dict[float | str, int]] = {}
    for column, block in enumerate(columns):
        if block.kind == "category":
            texts.setdefault(block.name, {})[block.text] = column
        else:
            table[:, column] = [_number(one.get(block.name)) for one in raw.attributes]
    for name, by_text in texts.items():
        found = [by_text.get(one.get(name, np.nan), -1) for one in raw.attributes]
        chosen = np.array(found, dtype=np.intp)
        rows = np.flatnonzero(chosen >= 0)
        table[rows, chosen[rows]] = 1.0
    return table


def _number(value: float | str | None) -> float:
    return value if isinstance(value, float) else np.nan
