"""Features: what a profile's state says at a moment, as raw numbers.

Raw means before logarithms: counters, sums and hours. A ticket keeps them as float32, and scoring
rounds them the same way, so a ticket's probability can be repeated from the ticket alone.

Names say where a number comes from: ``event/basket/count_7d``, ``named/big_basket/hours``,
``profile/tenure_hours``, ``attribute/plan=gold``, ``attribute/age``.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from models.config.durations import DAY, HOUR
from models.profiles.decay import (
    DAY_HALF_LIVES,
    DAY_RATES,
    HALF_LIVES,
    NOTHING,
    RATES,
    SUM_HALF_LIVES,
)
from models.profiles.profile import Attribute, Profile
from models.profiles.rows import SIZE

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int = npt.NDArray[np.intp]

#: Of a source of events.
SOURCE_FEATURES = (
    *(f"count_{name}" for name in HALF_LIVES),
    *(f"sum_{name}" for name in SUM_HALF_LIVES),
    "value",
    "hours",
)
#: Of the profile as a whole.
PROFILE_FEATURES = (
    "tenure_hours",
    "days",
    *(f"days_{name}" for name in DAY_HALF_LIVES),
    "hours",
    "gap_hours",
)
SOURCE_WIDTH = len(SOURCE_FEATURES)
PROFILE_WIDTH = len(PROFILE_FEATURES)
SUMS = slice(len(HALF_LIVES), SOURCE_WIDTH - 2)
HOURS = SOURCE_WIDTH - 1
#: Places in the numbers of a profile that are told even where they are zero, or not even then.
_HOURS_AT, _GAP_AT = PROFILE_FEATURES.index("hours"), PROFILE_FEATURES.index("gap_hours")
_SOURCE_HOURS = slice(PROFILE_WIDTH + HOURS, None, SOURCE_WIDTH)

TOTALS = 8
NO_ATTRIBUTES: dict[str, float | str] = {}
NO_NUMBERS = np.zeros(0, dtype=np.float32)
_TOTALS = struct.Struct(f"<{TOTALS}d").pack
_COLUMN_RATES = np.array([*RATES, *RATES[2:]])


class Frozen(Struct, frozen=True, gc=False):
    """A profile as it is at a moment, set apart from what happens to it later.

    Parameters
    ----------
    at
        The moment, milliseconds; no event of the profile is later.
    totals
        First and latest time, latest active day, number of active days, four decayed numbers; as
        bytes of float64, because numpy takes ten times as long to look into tuples.
    sources
        What the rows count.
    rows
        The rows' bytes.
    attributes
        Name -> (time, value).
    """

    at: int
    totals: bytes
    sources: tuple[str, ...]
    rows: bytes
    attributes: dict[str, Attribute]


def freeze(profile: Profile, at: int) -> Frozen:
    """A profile as it is at a moment not before its latest event."""
    return Frozen(
        at,
        _totals(profile),
        tuple(profile.sources),
        bytes(profile.rows),
        dict(profile.attributes),
    )


class RawProfile(Struct, frozen=True, gc=False):
    """The raw features of one profile at a moment.

    Parameters
    ----------
    numbers
        float32: one for each of ``PROFILE_FEATURES``, NaN where there is no gap yet, and then
        ``SOURCE_FEATURES`` for each source.
    names
        The sources.
    attributes
        Name -> value, numbers rounded to float32.
    """

    numbers: Float32
    names: tuple[str, ...]
    attributes: dict[str, float | str]

    @property
    def profile(self) -> Float32:
        """Those of the profile as a whole."""
        return self.numbers[:PROFILE_WIDTH]

    @property
    def rows(self) -> Float32:
        """Those of the sources: sources x ``SOURCE_FEATURES``."""
        return self.numbers[PROFILE_WIDTH:].reshape(-1, SOURCE_WIDTH)


class RawFeatures(NamedTuple):
    """The raw features of several profiles.

    Parameters
    ----------
    profile
        float32, profiles x ``PROFILE_FEATURES``; NaN where there is no gap yet.
    names
        The sources of each profile.
    rows
        float32, the rows of all profiles x ``SOURCE_FEATURES``.
    starts
        First row of each profile, and the number of rows at the end.
    attributes
        The attributes of each profile.
    """

    profile: Float32
    names: list[tuple[str, ...]]
    rows: Float32
    starts: list[int]
    attributes: list[dict[str, float | str]]

    def __len__(self) -> int:
        return len(self.names)

    def one(self, number: int) -> RawProfile:
        """The raw features of one of them."""
        rows = self.rows[self.starts[number] : self.starts[number + 1]]
        return RawProfile(
            np.concatenate((self.profile[number], rows.ravel())),
            self.names[number],
            self.attributes[number],
        )

    def take(self, numbers: Sequence[int]) -> RawFeatures:
        """Some of them, by their numbers in ascending order."""
        chosen = np.zeros(len(self), dtype=bool)
        chosen[list(numbers)] = True
        sizes = np.diff(self.starts)
        return RawFeatures(
            self.profile[chosen],
            [self.names[number] for number in numbers],
            self.rows[np.repeat(chosen, sizes)],
            [0, *np.cumsum(sizes[chosen]).tolist()],
            [self.attributes[number] for number in numbers],
        )

    def parts(self, size: int) -> Iterator[RawFeatures]:
        """All of them, so many at a time; at least one part, though it be empty."""
        for start in range(0, len(self) or 1, size):
            end = min(start + size, len(self))
            rows, stop = self.starts[start], self.starts[end]
            yield RawFeatures(
                self.profile[start:end],
                self.names[start:end],
                self.rows[rows:stop],
                [row - rows for row in self.starts[start : end + 1]],
                self.attributes[start:end],
            )


def stack(profiles: Sequence[RawProfile]) -> RawFeatures:
    """Several profiles as one table."""
    numbers = np.concatenate([NO_NUMBERS, *[one.numbers for one in profiles]])
    starts = [0, *itertools.accumulate([len(one.names) for one in profiles])]
    before = np.array(starts[:-1], np.intp) * SOURCE_WIDTH
    begins = before + np.arange(len(profiles)) * PROFILE_WIDTH
    places = begins[:, None] + np.arange(PROFILE_WIDTH)
    of_sources = np.ones(len(numbers), dtype=bool)
    of_sources[places] = False
    return RawFeatures(
        numbers[places],
        [one.names for one in profiles],
        numbers[of_sources].reshape(-1, SOURCE_WIDTH),
        starts,
        [one.attributes for one in profiles],
    )


def raw_features(frozen: Sequence[Frozen]) -> RawFeatures:
    """The raw features of profiles, each at its own moment.

    Examples
    --------
    >>> profile = Profile.starting(0)
    >>> profile.count("event/basket", 0, 12.5, limit=32)
    True
    >>> raw = raw_features([freeze(profile, HOUR)]).one(0)
    >>> dict(zip(SOURCE_FEATURES, raw.rows[0].tolist()))["count_1h"]
    0.5
    """
    return _raw(
        [one.at for one in frozen],
        b"".join([one.totals for one in frozen]),
        [one.sources for one in frozen],
        b"".join([one.rows for one in frozen]),
        [one.attributes for one in frozen],
    )


def raw_of(profiles: Sequence[Profile], moments: Sequence[int]) -> RawFeatures:
    """The same of profiles as they are, each at a moment not before its latest event."""
    return _raw(
        moments,
        b"".join([_totals(profile) for profile in profiles]),
        [tuple(profile.sources) for profile in profiles],
        b"".join([profile.rows for profile in profiles]),
        [profile.attributes for profile in profiles],
    )


def _totals(profile: Profile) -> bytes:
    days = profile.days
    return _TOTALS(profile.first, profile.last, days.latest, days.number, *days.decayed)


def _raw(
    moments: Sequence[int],
    totals: bytes,
    names: list[tuple[str, ...]],
    rows: bytes,
    attributes: list[dict[str, Attribute]],
) -> RawFeatures:
    starts = [0, *itertools.accumulate(map(len, names))]
    at = np.array(moments, dtype=np.float64)
    return RawFeatures(
        _of_profiles(at, np.frombuffer(totals).reshape(-1, TOTALS)),
        names,
        _of_sources(np.repeat(at, np.diff(starts)), np.frombuffer(rows).reshape(-1, SIZE // 8)),
        starts,
        [_values(known) if known else NO_ATTRIBUTES for known in attributes],
    )


def _values(attributes: dict[str, Attribute]) -> dict[str, float | str]:
    return {
        name: value if isinstance(value, str) else float(np.float32(value))
        for name, (_, value) in attributes.items()
    }


def _of_sources(at: Float64, rows: Float64) -> Float32:
    elapsed = at - rows[:, 0]
    features = np.empty((len(rows), SOURCE_WIDTH), dtype=np.float32)
    decayed = rows[:, 1:HOURS] * np.exp(-elapsed[:, None] * _COLUMN_RATES)
    decayed[np.abs(decayed) < NOTHING] = 0.0
    features[:, : HOURS - 1] = decayed
    features[:, HOURS - 1] = rows[:, -1]
    features[:, HOURS] = elapsed / HOUR
    return features


def _of_profiles(at: Float64, totals: Float64) -> Float32:
    first, last, day, number = totals[:, :4].T
    features = np.empty((len(at), PROFILE_WIDTH), dtype=np.float32)
    features[:, 0] = (at - first) / HOUR
    features[:, 1] = number
    elapsed = at - day * DAY
    decayed = totals[:, 4:] * np.exp(-elapsed[:, None] * np.array(DAY_RATES))
    decayed[decayed < NOTHING] = 0.0
    features[:, 2:6] = decayed
    features[:, 6] = (at - last) / HOUR
    gaps = np.full(len(at), np.nan)
    several = number > 1
    np.divide((day - first // DAY) * (DAY / HOUR), number - 1, out=gaps, where=several)
    features[:, 7] = gaps
    return features


def named_features(raw: RawProfile) -> dict[str, float]:
    """Raw features by name, without those that say nothing (sparse).

    Left out are counters and sums that are zero; hours are always there where the source is. Of an
    attribute's text, the value is part of the name: ``attribute/plan=gold`` is 1.
    """
    names, values = _names(raw.names), raw.numbers.tolist()
    has_gap = values[_GAP_AT] == values[_GAP_AT]
    if has_gap and values[_HOURS_AT] and 0.0 not in values[_SOURCE_HOURS]:
        named = dict(itertools.compress(zip(names, values, strict=True), values))
    else:
        named = _telling(names, values)
    for name, known in raw.attributes.items():
        if isinstance(known, str):
            named[f"attribute/{name}={known}"] = 1.0
        else:
            named[f"attribute/{name}"] = known
    return named


def _telling(names: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    """The features that say something, whichever they are."""
    return {
        name: value
        for name, value in zip(names, values, strict=True)
        if value == value and (value or name.endswith("/hours"))  # noqa: PLR0124 - not NaN
    }


@lru_cache(maxsize=8_192)
def _names(sources: tuple[str, ...]) -> tuple[str, ...]:
    """The names of all raw features of a profile with these sources."""
    return (
        *(f"profile/{name}" for name in PROFILE_FEATURES),
        *(f"{source}/{name}" for source in sources for name in SOURCE_FEATURES),
    )
