"""What an event says of a profile in values: its number, and attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.events.paths import compile_path, is_number, property_in
from models.profiles.profile import Profile

#: Numbers beyond say nothing that their logarithm does not say here.
LARGEST_VALUE = 1e12


Numbered = Callable[[dict[str, Any]], float | None]


def compile_number(path: str) -> Numbered:
    """A function from an event's mapping to the number that it carries at a path.

    Examples
    --------
    >>> compile_number("properties.amount")({"type": "basket", "properties": {"amount": 12.5}})
    12.5
    """
    read, name = compile_path(path), property_in(path)

    def number(fields: dict[str, Any]) -> float | None:
        return number_in(read(fields))

    def of_property(fields: dict[str, Any]) -> float | None:
        value = fields["properties"].get(name)
        if type(value) is float and -LARGEST_VALUE <= value <= LARGEST_VALUE:
            return value
        return number(fields)

    return number if name is None else of_property


def number_in(values: list[Any]) -> float | None:
    """The number that an event carries: the sum of those at the configured path."""
    if len(values) == 1:  # as nearly always
        return _bounded(values[0]) if is_number(values[0]) else None
    numbers = [value for value in values if is_number(value)]
    return _bounded(sum(numbers)) if numbers else None


def _bounded(number: float) -> float:
    if -LARGEST_VALUE <= number <= LARGEST_VALUE:
        return float(number)
    return LARGEST_VALUE if number > 0 else -LARGEST_VALUE


def set_attribute(profile: Profile, name: str, at: int, found: Any, longest: int) -> None:
    """Keep what was found for an attribute: text at most so many bytes long, or a number."""
    if isinstance(found, bool):
        found = "true" if found else "false"
    if isinstance(found, str):
        if len(found) > longest or not found.isascii():
            found = found.encode(errors="replace")[:longest].decode(errors="ignore")
        profile.set_attribute(name, at, found)
    elif is_number(found):
        profile.set_attribute(name, at, _bounded(found))
