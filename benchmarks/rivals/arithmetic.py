"""What Penchant computes for an event, an event at a time in plain Python, for the rivals.

The same state of a profile, features, models, scores and reasons: tests/benchmarks holds them
beside the engine's. Left out is what else Penchant does: validation, tickets, timers, percentiles,
learning. A model comes as a file, see exported.py; its words are Penchant's own.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from models.config.durations import DAY, HOUR
from models.learning.layout import KNOT_DAYS, Block, Layout
from models.profiles.decay import DAY_RATES, NOTHING, day_fades, fades
from models.scoring.factors import AGE, LEAST, importance
from models.scoring.phrases import phrases_of, reaches_of

KNOTS = tuple(math.log1p(days * 24.0) for days in KNOT_DAYS)
RECENT = 24
MOST_FACTORS = 5

State = dict[str, Any]
Features = dict[str, tuple[float, ...]]


def moment_of(event: dict[str, Any]) -> int:
    """When an event happened, milliseconds."""
    return round(datetime.fromisoformat(event["timestamp"]).timestamp() * 1000)


def update(state: State, event: dict[str, Any]) -> State:
    """Count an event in its profile's state."""
    at = moment_of(event)
    if not state:
        state.update(first=at, last=at, recent=[], rows={}, days=[at // DAY, 1, 1.0, 1.0, 1.0, 1.0])
    recent = state["recent"]
    if event["event_id"] in recent:
        return state
    state["recent"] = [*recent[1 - RECENT :], event["event_id"]]
    state["last"] = max(state["last"], at)
    _count_day(state["days"], at // DAY)
    amount = float(event["properties"].get("amount", 0.0))
    source = f"event/{event['type']}"
    row = state["rows"].get(source)
    if row is None:
        state["rows"][source] = [at, 1.0, 1.0, 1.0, 1.0, 1.0, amount, amount, amount, amount]
        return state
    f1, f2, f3, f4, f5 = fades(at - row[0])
    row[:] = (
        at, row[1] * f1 + 1.0, row[2] * f2 + 1.0, row[3] * f3 + 1.0,
        row[4] * f4 + 1.0, row[5] * f5 + 1.0, row[6] * f3 + amount, row[7] * f4 + amount,
        row[8] * f5 + amount, amount,
    )  # fmt: skip
    return state


def _count_day(days: list[Any], day: int) -> None:
    ahead = day - days[0]
    if ahead > 0:
        decayed = [one * left + 1.0 for one, left in zip(days[2:], day_fades(ahead), strict=True)]
        days[:] = day, days[1] + 1, *decayed


class Models:
    """The models of all goals, ready to score a profile.

    Parameters
    ----------
    path
        The file that exported.py wrote.
    """

    def __init__(self, path: str) -> None:
        self._models = [Model(one) for one in orjson.loads(Path(path).read_bytes())]

    update = staticmethod(update)

    def scores(
        self, profile: str, state: State, event: dict[str, Any]
    ) -> list[tuple[bytes, bytes]]:
        """Key and value of the scores of all goals."""
        now = max(moment_of(event), state["last"])
        features = features_of(state, now)
        return [model.score(profile, features, now) for model in self._models]


def features_of(state: State, now: int) -> Features:
    """The features of each block, and of a source that the profile has not."""
    log, exp = math.log1p, math.exp
    first, days = state["first"], state["days"]
    tenure, hours, number = (now - first) / HOUR, (now - state["last"]) / HOUR, days[1]
    log_tenure, log_hours, several = log(tenure), log(hours), number > 1
    log_gap = log((days[0] - first // DAY) * 24.0 / (number - 1)) if several else 0.0
    since = now - days[0] * DAY
    blocks = {
        "profile": (
            log_tenure,
            *(max(log_tenure - knot, 0.0) for knot in KNOTS),
            log(number),
            *(log(one * exp(-rate * since))
              for one, rate in zip(days[2:], DAY_RATES, strict=True)),
            number / (tenure / 24.0 + 1.0),
            log_hours,
            log_gap,
            log_hours - log_gap if several else 0.0,
            0.0 if several else 1.0,
        ),
        "activity": (0.0, 0.0, 0.0, 0.0, 0.0, log_tenure, 1.0),
        "value": (0.0, 0.0, 0.0, 0.0, 0.0),
    }  # fmt: skip
    for source, (last, c1, c2, c3, c4, c5, s3, s4, s5, latest) in state["rows"].items():
        since = now - last
        f1, f2, f3, f4, f5 = fades(since)
        count, total = c5 * f5, s5 * f5
        blocks[f"{source}/activity"] = (
            log(c1 * f1), log(c2 * f2), log(c3 * f3), log(c4 * f4),
            log(count), log(since / HOUR), 0.0,
        )  # fmt: skip
        mean = total / count if count > NOTHING else 0.0
        blocks[f"{source}/value"] = (
            _signed(s3 * f3), _signed(s4 * f4), _signed(total), _signed(mean), _signed(latest),
        )  # fmt: skip
    return blocks


def _signed(value: float) -> float:
    return math.log1p(value) if value >= 0.0 else -math.log1p(-value)


class Model:
    """A goal's model.

    Parameters
    ----------
    given
        As exported.py has it: ``about``, what is the same in all of its scores; ``blocks``, kind,
        name and text of each block of features; ``terms``, of each feature its mean, one over its
        deviation, its weight, that of its hinge, what both give for an average profile, and the
        number of its factor; ``bias`` and ``base_logit``, the logits of an average profile and of
        the base rate; ``factors``, their names; ``clip``, the largest z.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        layout = Layout(tuple(Block(*one) for one in given["blocks"]))
        self.about, self.terms, self.factors = given["about"], given["terms"], given["factors"]
        self.bias, self.base_logit, self.clip = given["bias"], given["base_logit"], given["clip"]
        self.blocks = [
            (f"{one.name}/{one.kind}".removeprefix("/"), one.kind) for one in layout.blocks
        ]
        self.members = [
            [n for n, term in enumerate(self.terms) if term[5] == factor]
            for factor in range(len(self.factors))
        ]
        self.phrases = tuple(phrases_of(layout, {}, young=young) for young in (False, True))
        self.reaches = [math.log1p(hours) for hours in reaches_of(layout)]
        self.words: dict[tuple[int, bool, int], str] = {}

    def score(self, profile: str, features: Features, now: int) -> tuple[bytes, bytes]:
        """Key and value of a profile's score."""
        values = [
            value
            for block, kind in self.blocks
            for value in (features.get(block) or features[kind])
        ]
        shares, sums, clip = [], [0.0] * len(self.factors), self.clip
        for value, (mean, per, weight, hinge, usual, factor) in zip(
            values, self.terms, strict=True
        ):
            z = (value - mean) * per
            if z > 0.0:
                share = (weight + hinge) * (z if z < clip else clip) - usual
            else:
                share = weight * (z if z > -clip else -clip) - usual
            shares.append(share)
            sums[factor] += share
        logit = max(-30.0, min(self.bias + sum(sums), 30.0))
        told = self._told(values, shares, sums)
        score = 100 / (1 + math.exp(self.base_logit - logit))
        record = self.about | {
            "profile_id": profile,
            "timestamp": datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds"),
            "probability": 1 / (1 + math.exp(-logit)),
            "score": score,
            "bucket": "low" if score < 25.0 else "medium" if score < 75.0 else "high",
            "factors": told,
            "remainder": logit - self.base_logit - sum(one["contribution"] for one in told),
        }
        return f"{record['goal']}/{profile}".encode(), orjson.dumps(record)

    def _told(
        self, values: list[float], shares: list[float], sums: list[float]
    ) -> list[dict[str, Any]]:
        """The strongest factors; the profile's age is never told first."""
        order = sorted(range(len(sums)), key=lambda one: -abs(sums[one]))[:MOST_FACTORS]
        if self.factors[order[0]] == AGE:
            order = [*order[1:], order[0]] if abs(sums[order[1]]) >= LEAST else []
        told = []
        for factor in order:
            contribution = sums[factor]
            if abs(contribution) >= LEAST:
                feature = max(self.members[factor], key=lambda one: abs(shares[one]))
                told.append(
                    {
                        "factor": self.factors[factor],
                        "text": self._text(
                            feature, values[0] < self.reaches[feature], values[feature]
                        ),
                        "contribution": contribution,
                        "importance": importance(contribution),
                    }
                )
        return told

    def _text(self, feature: int, young: bool, value: float) -> str:
        steps = round(value * 100)
        text = self.words.get((feature, young, steps))
        if text is None:
            text = self.words[feature, young, steps] = self.phrases[young][feature](steps / 100)
        return text
