"""Durations as people write them, in milliseconds as the engine counts them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
LONGEST = 3_660 * DAY
PATTERN = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s?(ms|s|m|h|d|w)")


def parse_duration(text: object) -> int:
    """Milliseconds of a duration such as ``7d``, ``3.5d``, ``12h``, ``30m``, ``45s``, ``2w``.

    Raises
    ------
    ValueError
        Not a duration, or longer than ten years.

    Examples
    --------
    >>> parse_duration("3.5d")
    302400000
    """
    found = PATTERN.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise ValueError("a number and a unit, such as 7d, 12h, 30m, 45s or 2w")
    millis = round(float(found[1]) * UNITS[found[2]])
    if millis > LONGEST:
        raise ValueError("at most ten years")
    return millis


def format_duration(millis: int) -> str:
    """The shortest way to write a duration, in the largest unit that is exact.

    Examples
    --------
    >>> format_duration(302_400_000), format_duration(604_800_000), format_duration(1_500)
    ('84h', '7d', '1500ms')
    """
    for unit in ("d", "h", "m", "s"):
        if millis % UNITS[unit] == 0:
            return f"{millis // UNITS[unit]}{unit}"
    return f"{millis}ms"


def _read(value: object) -> int:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise PydanticCustomError("duration", "{expected}", {"expected": str(error)}) from None


def _read_positive(value: object) -> int:
    millis = _read(value)
    if millis == 0:
        raise PydanticCustomError("duration", "a duration longer than zero")
    return millis


_SCHEMA = WithJsonSchema({"type": "string", "pattern": f"^{PATTERN.pattern}$", "examples": ["7d"]})
_SHOWN = PlainSerializer(format_duration, return_type=str)

Duration = Annotated[int, BeforeValidator(_read), _SHOWN, _SCHEMA]
PositiveDuration = Annotated[int, BeforeValidator(_read_positive), _SHOWN, _SCHEMA]
