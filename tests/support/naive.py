"""A second implementation, written for plainness: it looks at the whole log, again and again.

It shares nothing with the engine but the definition of the moments at which tickets open, of which
it has a statement of its own, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

HOUR = 3_600_000
DAY = 24 * HOUR
MASK = 2**64 - 1
HALF_LIVES = {"1h": HOUR, "1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY, "90d": 90 * DAY}

Fields = Mapping[str, Any]
Sources = Callable[[Fields], list[str]]


@dataclass(frozen=True)
class NaiveGoal:
    """A goal by plain functions.

    Parameters
    ----------
    name
        As in the configuration.
    window, every
        Milliseconds.
    happened
        Whether what is waited for is in a list of events.
    positive_when_happened
        True for "will".
    eligible
        Whether a profile with these events so far is eligible at a time.
    """

    name: str
    window: int
    every: int
    happened: Callable[[Sequence[Fields]], bool]
    positive_when_happened: bool = True
    eligible: Callable[[Sequence[Fields], int], bool] = lambda _events, _now: True


def hash64(text: str) -> int:
    """The same hash, from its definition."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def scatter(value: int) -> int:
    """SplitMix64's finaliser, from its definition."""
    value = (value + 0x9E3779B97F4A7C15) & MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def moment(goal: NaiveGoal, profile: str, period: int) -> int:
    """T0 of a profile in a period."""
    shift = scatter((hash64(f"goal/{goal.name}") + period) & MASK)
    return period * goal.every + (hash64(profile) + shift) % goal.every


def tickets(
    goal: NaiveGoal, profile: str, events: Sequence[Fields], until: int
) -> dict[int, tuple[int | None, list[Fields]]]:
    """Every ticket of a profile: T0 -> its label (None while open) and the events up to T0.

    Parameters
    ----------
    goal
        The goal.
    profile
        Whose tickets.
    events
        All events of the profile.
    until
        What the clock shows at the end.
    """
    found = {}
    first = min(one["at"] for one in events)
    for period in range(first // goal.every, until // goal.every + 1):
        t0 = moment(goal, profile, period)
        before = [one for one in events if one["at"] <= t0]
        passed = max(until, *(one["at"] for one in events))
        if t0 < first or t0 >= passed or not goal.eligible(before, t0):
            continue
        inside = [one for one in events if t0 < one["at"] <= t0 + goal.window]
        happened = goal.happened(inside)
        label = int(happened is goal.positive_when_happened) if t0 + goal.window < until else None
        found[t0] = (label, before)
    return found


def tickets_at(
    goal: NaiveGoal, events: Sequence[Fields], opens: Callable[[Fields], bool], until: int
) -> dict[int, tuple[int | None, list[Fields]]]:
    """Every ticket of a profile that its own events open, as :func:`tickets` says them.

    The events are in the order of their arrival, which is that of their times.
    """
    found: dict[int, tuple[int | None, list[Fields]]] = {}
    for number, opening in enumerate(events):
        t0, before = opening["at"], list(events[: number + 1])
        if not opens(opening) or t0 in found or not goal.eligible(before, t0):
            continue
        inside = [one for one in events if t0 < one["at"] <= t0 + goal.window]
        label = int(goal.happened(inside) is goal.positive_when_happened)
        found[t0] = (label if t0 + goal.window < until else None, before)
    return found


def features(events: Sequence[Fields], t0: int, sources: Sources) -> dict[str, float]:
    """The raw features of a profile at T0, summed up from its events one by one."""
    times = [one["at"] for one in events]
    days = sorted({at // DAY for at in times})
    found = {
        "profile/tenure_hours": (t0 - min(times)) / HOUR,
        "profile/days": float(len(days)),
        "profile/hours": (t0 - max(times)) / HOUR,
    }
    for name in ("1d", "7d", "30d", "90d"):
        found[f"profile/days_{name}"] = sum(_left(t0 - day * DAY, name) for day in days)
    if len(days) > 1:
        found["profile/gap_hours"] = (days[-1] - days[0]) * 24 / (len(days) - 1)
    for source in {name for one in events for name in sources(one)}:
        of_source = [one for one in events if source in sources(one)]
        found |= _of_source(source, of_source, t0)
    return {name: value for name, value in found.items() if value or name.endswith("/hours")}


def _of_source(source: str, events: Sequence[Fields], t0: int) -> dict[str, float]:
    found = {f"{source}/hours": (t0 - max(one["at"] for one in events)) / HOUR}
    for name in HALF_LIVES:
        found[f"{source}/count_{name}"] = sum(_left(t0 - one["at"], name) for one in events)
    for name in ("7d", "30d", "90d"):
        found[f"{source}/sum_{name}"] = sum(
            _left(t0 - one["at"], name) * (one.get("value") or 0.0) for one in events
        )
    valued = [one for one in events if one.get("value") is not None]
    if valued:
        found[f"{source}/value"] = max(valued, key=lambda one: (one["at"], one["value"]))["value"]
    return found


def _left(elapsed: int, half_life: str) -> float:
    return math.exp(-math.log(2) * elapsed / HALF_LIVES[half_life])
