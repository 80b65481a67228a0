"""The record writer's pieces say what the plain statement says."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.learning.snapshot import Snapshot
from models.profiles.features import stack
from models.scoring.records import RecordWriter, Said, ScoreRecord, bucket_of
from models.scoring.scorer import Scorer
from tests.support.factories import Bench, config, goal, habits, records, trained


@pytest.fixture(scope="module")
def learned() -> tuple[Any, Snapshot, list[Any]]:
    asked = config(
        {"churn": goal(tickets={"every": "12h"})},
        events={"value": "properties.amount"},
        attributes={"plan": "properties.plan"},
    )
    steps = Bench(asked).run(records(habits(profiles=40, days=20)))
    trainer = trained(asked, "churn", steps)
    raw = [one.raw for step in steps for one in step.examples]
    return trainer.goal, trainer.snapshot(), raw


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_written_and_plain_records_are_equal(learned: Any, data: Any) -> None:
    asked, snapshot, raw = learned
    width = len(snapshot.weights)
    weights = data.draw(st.lists(st.floats(-20, 20), min_size=width, max_size=width))
    model = snapshot.model_copy(update={"weights": weights, "status": "ready"})
    most = data.draw(st.integers(0, 12))
    writer = RecordWriter(Scorer(asked, model, {}, most), 'a "topic"', 3)
    chosen = data.draw(st.lists(st.sampled_from(raw), min_size=1, max_size=6))

    def drawn(values: Any) -> list[Any]:
        return [data.draw(values) for _ in chosen]

    moments = st.integers(0, 4 * 10**12)
    said = Said(
        drawn(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1)),
        drawn(moments),
        drawn(st.integers(0, 2**62)),
        drawn(st.integers(1, 100)),
        drawn(st.none() | st.tuples(st.floats(0, 100), moments)),
    )
    scored = writer._scorer.score(stack(chosen))
    found = [orjson.loads(record) for record in writer.write(scored, said)]
    assert found == writer.plain(scored, said)
    for record in found:
        ScoreRecord.model_validate(record)
        assert len(record["factors"]) <= most


def test_buckets_have_their_bounds() -> None:
    assert [bucket_of(score) for score in (0, 24.99, 25, 74.99, 75, 100)] == [
        "low", "low", "medium", "medium", "high", "high",
    ]  # fmt: skip
