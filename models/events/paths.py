"""Dotted paths into an event: ``type``, ``properties.device.os``.

A path through a list means any of its elements, so a path leads to zero, one or many values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, TypeGuard

ROOTS = ("type", "properties", "profile_id", "event_id")
DEEPEST = 16

Reader = Callable[[Any], list[Any]]


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a JSON value is a number: finite, and not true or false."""
    return type(value) is int or (type(value) is float and math.isfinite(value))


def parse_path(path: str) -> tuple[str, ...]:
    """The steps of a path.

    Raises
    ------
    ValueError
        The path is malformed, too deep, or starts nowhere.

    Examples
    --------
    >>> parse_path("properties.device.os")
    ('properties', 'device', 'os')
    """
    steps = tuple(path.split("."))
    if steps[0] not in ROOTS:
        raise ValueError(f"a path that starts with one of {', '.join(ROOTS)}")
    if not all(steps) or len(steps) > DEEPEST:
        raise ValueError(f"names joined by single dots, at most {DEEPEST}")
    if steps[0] == "properties" and len(steps) == 1:
        raise ValueError("the name of a property, such as properties.amount")
    if steps[0] != "properties" and len(steps) > 1:
        raise ValueError(f"{steps[0]} alone: nothing lies below it")
    return steps


def property_in(path: str) -> str | None:
    """The name of the property that a path leads to, where it lies directly below the event's."""
    steps = parse_path(path)
    return steps[1] if len(steps) == 2 else None


def values_at(value: Any, steps: tuple[str, ...]) -> Iterator[Any]:
    """Every value that the steps lead to; null counts as no value.

    Examples
    --------
    >>> list(values_at({"items": [{"sku": "a"}, {"sku": None}, {"sku": "b"}]}, ("items", "sku")))
    ['a', 'b']
    """
    if isinstance(value, list):
        for element in value:
            yield from values_at(element, steps)
    elif not steps:
        if value is not None:
            yield value
    elif isinstance(value, dict) and steps[0] in value:
        yield from values_at(value[steps[0]], steps[1:])


def compile_path(path: str) -> Reader:
    """A function from an event's mapping to the values at the path.

    Examples
    --------
    >>> compile_path("properties.plan")({"type": "login", "properties": {"plan": "gold"}})
    ['gold']
    """
    steps = parse_path(path)
    if len(steps) == 1:
        return _field(steps[0])
    if len(steps) == 2:
        return _property(steps[1])
    return lambda event: list(values_at(event, steps))


def _field(name: str) -> Reader:
    return lambda event: [event[name]]


def _property(name: str) -> Reader:
    """The common case, without walking."""

    def read(event: Any) -> list[Any]:
        value = event["properties"].get(name)
        if value is None:
            return []
        return list(values_at(value, ())) if isinstance(value, list) else [value]

    return read
