"""Who would be scored how when a backtest ends, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson

from models.engine import Engine
from models.events.times import format_time
from models.goals.compiled import NAMED, CompiledGoal
from models.hashing import profile_hash
from models.partition import NOT_PROFILES, Partition
from models.profiles.codec import unpack
from models.profiles.features import Frozen, RawFeatures, freeze, raw_features, stack
from models.scoring.portrait import Portrait
from models.scoring.ranks import Ranks
from models.scoring.records import RecordWriter, Said, Whose
from models.scoring.scorer import Scorer

#: Profiles that are looked at, at most; chosen by their hash.
MOST_PROFILES = 20_000
#: Profiles told about in each bucket.
TOLD = {"high": 4, "medium": 2, "low": 3}


def latest_of(
    engine: Engine, partition: Partition, goal: CompiledGoal, topic: str
) -> dict[str, Any] | None:
    """The latest scores of a goal's profiles, as plain JSON; None before there is a model."""
    scorer = engine.board.scorer(goal)
    if scorer is None:
        return None
    share = min(1.0, MOST_PROFILES / max(len(partition.profiles), 1))
    held = list(eligible_profiles(partition, goal, share))
    if not held:
        return None
    raw = raw_features([frozen for _, frozen in held])
    titles = {NAMED + name: one.title for name, one in engine.config.named.items() if one.title}
    portrait = Portrait(scorer, titles, raw)
    return {
        "at": format_time(partition.clock.now),
        "profiles": len(held),
        "scores": np.histogram(portrait.scores, 20, (0.0, 100.0))[0].tolist(),
        "buckets": portrait.buckets(),
        "factors": portrait.factors(),
        "examples": _examples(scorer, topic, held, raw, portrait.scores),
    }


def eligible_profiles(
    partition: Partition, goal: CompiledGoal, share: float
) -> Iterator[tuple[str, Frozen]]:
    """Eligible profiles as they are now; a share of them is a fair sample, chosen by hash."""
    for key, packed in partition.profiles.items():
        if key not in NOT_PROFILES and profile_hash(key) <= share * 2.0**64:
            profile = unpack(packed)
            moment = max(partition.clock.now, profile.last)
            if goal.eligible(profile.marks, moment):
                yield key.decode(), freeze(profile, moment)


def _examples(
    scorer: Scorer, topic: str, held: list[tuple[str, Frozen]], raw: RawFeatures, scores: Any
) -> list[dict[str, Any]]:
    """The score records of some profiles: the highest, middling ones, the lowest."""
    ranks = Ranks()
    ranks.replace([], scores)
    chosen = _chosen(scores)
    percentiles = ranks.percentiles(scores[chosen])
    whose = Whose(
        [held[number][0] for number in chosen],
        [held[number][1].at for number in chosen],
        [0] * len(chosen),
    )
    said = Said(whose, percentiles, [None] * len(chosen))
    picked = stack([raw.one(number) for number in chosen])
    records = RecordWriter(scorer, topic, 0).write(scorer.score(picked), said)
    return [orjson.loads(record) for record in records]


def _chosen(scores: Any) -> list[int]:
    """The highest, those in the middle, the lowest; each once."""
    order = np.argsort(-scores, kind="stable").tolist()
    middle = len(order) // 2
    places = [
        *range(TOLD["high"]),
        *range(middle, middle + TOLD["medium"]),
        *range(len(order) - TOLD["low"], len(order)),
    ]
    return [order[place] for place in dict.fromkeys(places) if 0 <= place < len(order)]
