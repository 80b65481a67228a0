"""Little for the rivals to do: five decayed counters a type, two products, factors by number.

Less than a score takes: no sums of values, active days, scaling, hinges or remembered events; and
no validation, tickets, timers, percentiles, words or learning. What a score takes is arithmetic.py.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import orjson

HALF_LIVES = (1 / 24, 1.0, 7.0, 30.0, 90.0)
RATES = tuple(-math.log(2) / days for days in HALF_LIVES)
WEIGHTS = [[0.01 * ((i * 37 + goal) % 11 - 5) for i in range(400)] for goal in (0, 1)]


def day_of(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["timestamp"]).timestamp() / 86_400


def update(state: dict[str, list[float]], event: dict[str, Any]) -> dict[str, list[float]]:
    """Count an event in its profile's state."""
    now, row = day_of(event), state.get(event["type"])
    if row is None:
        state[event["type"]] = [now, 1.0, 1.0, 1.0, 1.0, 1.0]
        return state
    for number, rate in enumerate(RATES):
        row[number + 1] = row[number + 1] * math.exp(rate * (now - row[0])) + 1.0
    row[0] = now
    return state


def scores(
    profile: str, state: dict[str, list[float]], event: dict[str, Any]
) -> list[tuple[bytes, bytes]]:
    """Key and value of the scores of both goals."""
    now = day_of(event)
    features: list[float] = []
    for row in state.values():
        elapsed = now - row[0]
        features += [
            math.log1p(row[i + 1] * math.exp(rate * elapsed)) for i, rate in enumerate(RATES)
        ]
        features.append(math.log1p(max(elapsed, 0.0) * 24))
    return [_score(f"goal{goal}", WEIGHTS[goal], profile, features, now) for goal in (0, 1)]


def _score(
    goal: str, weights: list[float], profile: str, features: list[float], now: float
) -> tuple[bytes, bytes]:
    by_type: dict[int, float] = {}
    for number, value in enumerate(features):
        by_type[number // 6] = by_type.get(number // 6, 0.0) + weights[number] * value
    probability = 1 / (1 + math.exp(-sum(by_type.values())))
    strongest = sorted(by_type.items(), key=lambda one: -abs(one[1]))[:5]
    record = {
        "goal": goal,
        "profile_id": profile,
        "timestamp": now,
        "probability": probability,
        "score": 100 * probability,
        "factors": [{"factor": f"type{k}", "contribution": value} for k, value in strongest],
    }
    return f"{goal}/{profile}".encode(), orjson.dumps(record)
