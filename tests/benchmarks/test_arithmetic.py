"""The rivals compute what Penchant computes: the same scores for the same reasons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from benchmarks.rivals import arithmetic
from benchmarks.rivals.exported import exported
from benchmarks.throughput.load import CONFIG, PROPENSITIES, events, snapshots
from models.config.loader import load_config
from models.engine import Engine
from models.goals.tickets import TicketBook
from models.learning.snapshot import read_snapshot
from models.step import PlainRecord

#: Seconds between two events: a profile's come hours, days and weeks apart.
PACES = (40.0, 4_000.0)


@pytest.fixture(scope="module")
def models() -> list[bytes]:
    return [value for _, value in snapshots()]


@pytest.mark.parametrize("pace", PACES)
def test_scores_in_plain_python_are_those_of_the_engine(
    models: list[bytes], tmp_path: Path, pace: float
) -> None:
    path = tmp_path / "models.json"
    path.write_bytes(exported(models, PROPENSITIES))
    rival, states = arithmetic.Models(str(path)), dict[str, arithmetic.State]()
    engine = Engine(load_config(CONFIG, "benchmark"))
    for value in models:
        assert engine.adopt(read_snapshot(value))
    partition = engine.open(0, {}, TicketBook())
    compared = 0
    for offset, record in enumerate(events(1_500, 60, pace=pace)):
        step = engine.step(partition, [PlainRecord(*record, offset)])
        partition.apply(step)
        event = orjson.loads(record[1])
        profile = event["profile_id"]
        states[profile] = arithmetic.update(states.get(profile, {}), event)
        theirs = dict(rival.scores(profile, states[profile], event))
        for key, said in step.scores:
            if said is not None and key in theirs:
                _same(orjson.loads(theirs[key]), orjson.loads(said))
                compared += 1
    assert compared > 2_500


def _same(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    """But for what float32 rounds, and for what only we say."""
    assert (
        ours.items()
        >= {
            name: theirs[name]
            for name in ("goal", "profile_id", "propensity", "model_version", "base_rate", "bucket")
        }.items()
    )
    for name in ("probability", "score", "remainder"):
        assert theirs[name] == pytest.approx(ours[name], abs=2e-4, rel=1e-4), name
    told = {one["factor"]: (one["contribution"], one["text"]) for one in ours["factors"]}
    for one in theirs["factors"]:
        contribution, text = told[one["factor"]]
        assert one["contribution"] == pytest.approx(contribution, abs=2e-4)
        assert one["text"] == text
