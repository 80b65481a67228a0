"""Raw features between their two forms: by name in an example, and in arrays."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from models.profiles.features import (
    PROFILE_FEATURES,
    PROFILE_WIDTH,
    SOURCE_FEATURES,
    SOURCE_WIDTH,
    Int,
    RawProfile,
)

#: Characters of names for which a plan is remembered; longer ones only invented types make.
REMEMBERED = 16_384
Plan = tuple[tuple[str, ...], Int, tuple[tuple[int, str], ...]]


def raw_of_names(features: Mapping[str, float]) -> RawProfile:
    """Raw features in arrays, from the features of an example by name.

    Examples
    --------
    >>> raw = raw_of_names({"profile/days": 3.0, "event/basket/hours": 5.0})
    >>> raw.names, float(raw.rows[0, -1])
    (('event/basket',), 5.0)
    """
    names = tuple(features)
    remembered = sum(map(len, names)) <= REMEMBERED
    sources, places, others = _plan(names) if remembered else _plan.__wrapped__(names)
    values = list(features.values())
    numbers = np.zeros(PROFILE_WIDTH + SOURCE_WIDTH * len(sources) + 1, dtype=np.float32)
    numbers[PROFILE_WIDTH - 1] = np.nan
    numbers[places] = values
    return RawProfile(numbers[:-1], sources, _attributes(others, values) if others else {})


@lru_cache(maxsize=4_096)
def _plan(keys: tuple[str, ...]) -> Plan:
    """Where the values of these names go: the last place is for what has none in the arrays."""
    sources: dict[str, int] = {}
    places, others = [], []
    for number, key in enumerate(keys):
        source, _, name = key.rpartition("/")
        if source == "profile" and name in PROFILE_FEATURES:
            places.append(PROFILE_FEATURES.index(name))
        elif key.startswith(("event/", "named/", "other/")) and name in SOURCE_FEATURES:
            row = sources.setdefault(source, len(sources))
            places.append(PROFILE_WIDTH + SOURCE_WIDTH * row + SOURCE_FEATURES.index(name))
        else:
            places.append(-1)
            others.append((number, key))
    return tuple(sources), np.array(places, dtype=np.intp), tuple(others)


def _attributes(others: tuple[tuple[int, str], ...], values: list[float]) -> dict[str, float | str]:
    found: dict[str, float | str] = {}
    for number, key in others:
        name, is_text, text = key.removeprefix("attribute/").partition("=")
        found[name] = text if is_text else float(values[number])
    return found
