"""Eligibility compiled: a function of when things last happened to a profile.

For every condition that an eligibility asks about, a profile keeps the time of the latest event
that met it (its marks). An event exactly ``in_last`` ago still counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from models.config.conditions import Condition
from models.config.goals import Eligibility

Marks = Mapping[int, int]
Eligible = Callable[[Marks, int], bool]


def compile_eligibility(
    eligibility: Eligibility | None,
    key: Callable[[Condition], int],
    resolve: Callable[[str], Condition],
) -> Eligible:
    """A function of a profile's marks and a time in milliseconds.

    Parameters
    ----------
    eligibility
        What the user wrote; None for every known profile.
    key
        From a condition to the key of its mark.
    resolve
        From the name of one of the user's own events to its condition.

    Examples
    --------
    >>> basket = {"field": "type", "equals": "basket"}
    >>> recent = Eligibility.model_validate({"where": basket, "in_last": "1d"})
    >>> eligible = compile_eligibility(recent, lambda condition: 7, dict.__getitem__)
    >>> eligible({7: 0}, 86_400_000), eligible({7: 0}, 86_400_001), eligible({}, 0)
    (True, False, False)
    """
    if eligibility is None:
        return lambda _marks, _now: True
    parts = [compile_eligibility(part, key, resolve) for part in eligibility.parts]
    if eligibility.all_of:
        return lambda marks, now: all(part(marks, now) for part in parts)
    if eligibility.any_of:
        return lambda marks, now: any(part(marks, now) for part in parts)
    if eligibility.not_:
        return lambda marks, now: not parts[0](marks, now)
    return _since(key(asked_of(eligibility, resolve)), eligibility.in_last)


def asked_of(eligibility: Eligibility, resolve: Callable[[str], Condition]) -> Condition:
    """The condition that a single eligibility asks about."""
    return eligibility.where or resolve(str(eligibility.event))


def _since(mark: int, in_last: int | None) -> Eligible:
    if in_last is None:
        return lambda marks, _now: mark in marks

    def eligible(marks: Marks, now: int) -> bool:
        last = marks.get(mark)
        return last is not None and now - last <= in_last

    return eligible
