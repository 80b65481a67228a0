"""The record writer's pieces say what the plain statement says."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from models.config.durations import DAY
from models.learning.snapshot import Snapshot
from models.profiles.features import stack
from models.scoring.records import RecordWriter, Said, ScoreRecord, Whose, bucket_of
from models.scoring.scorer import Scorer
from tests.support.factories import (
    START,
    Bench,
    config,
    event,
    goal,
    habits,
    records,
    snapshot,
    trained,
)


@pytest.fixture(scope="module")
def learned() -> tuple[Any, Snapshot, list[Any]]:
    asked = config(
        {"churn": goal(tickets={"every": "12h"})},
        events={"value": "properties.amount"},
        attributes={"plan": "properties.plan", "amount": "properties.amount"},
    )
    steps = Bench(asked).run(records(habits(profiles=40, days=20)))
    trainer = trained(asked, "churn", steps)
    raw = [one.raw for step in steps for one in step.examples]
    nameless = [replace(one, attributes={}) for one in raw[:50]]
    return trainer.goal, trainer.snapshot(), raw + nameless * 4


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_written_and_plain_records_are_equal(learned: Any, data: Any) -> None:
    asked, known, raw = learned
    width = len(known.weights)
    weights = data.draw(st.lists(st.floats(-20, 20), min_size=width, max_size=width))
    model = known.model_copy(update={"weights": weights, "status": "ready"})
    most = data.draw(st.integers(0, 12))
    writer = RecordWriter(Scorer(asked, model, {}, most), 'a "topic"', 3)
    chosen = data.draw(st.lists(st.sampled_from(raw), min_size=1, max_size=6))

    def drawn(values: Any) -> list[Any]:
        return [data.draw(values) for _ in chosen]

    moments = st.integers(0, 4 * 10**12)
    whose = Whose(
        drawn(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1)),
        drawn(moments),
        drawn(st.integers(0, 2**62)),
    )
    said = Said(
        whose,
        drawn(st.integers(1, 100)),
        drawn(st.none() | st.tuples(st.floats(0, 100), moments)),
    )
    scored = writer._scorer.score(stack(chosen))
    told = data.draw(st.lists(st.booleans(), min_size=most, max_size=most))
    reasons = scored.reasons  # some of them are not told, wherever they stand
    reasons = reasons._replace(told=reasons.told & np.array(told, bool)[: reasons.told.shape[1]])
    scored = scored._replace(reasons=reasons)
    found = [orjson.loads(record) for record in writer.write(scored, said)]
    assert found == writer.plain(scored, said)
    for record in found:
        ScoreRecord.model_validate(record)
        assert len(record["factors"]) <= most


def test_buckets_have_their_bounds() -> None:
    assert [bucket_of(score) for score in (0, 24.99, 25, 74.99, 75, 100)] == [
        "low", "low", "medium", "medium", "high", "high",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("income", "told"),
    [
        (250_000, "250,000"),
        (-4e9, "-4,000,000,000"),
        (1e15, "999,999,995,904"),
        (None, "not known"),
    ],
)
def test_a_number_is_told_of_its_own_attribute_however_large_or_if_it_is_not_known(
    income: float | None, told: str
) -> None:
    asked = config({"churn": goal(tickets={"every": "12h"})}, attributes={"income": "properties.n"})
    bench = Bench(asked)
    log = habits(profiles=20, days=10)
    for number, one in enumerate(log):
        one["properties"] = {"n": number}
    trainer = trained(asked, "churn", bench.run(records(log)))
    [place] = [
        number for number, name in enumerate(trainer.model.names, 1) if name == "attribute/income"
    ]
    weights, centre = (np.zeros(1 + len(trainer.model.names)) for _ in range(2))
    weights[place], centre[place] = 1.0, 9.0
    bench.engine.adopt(
        snapshot(trainer, weights=weights.tolist(), centre=centre.tolist(), status="ready")
    )
    after = event("fresh", START + 11 * DAY, properties={"n": income})
    [(_, score)] = bench.step(records([after], len(log))).scores
    [factor] = orjson.loads(score or b"")["factors"]
    assert (factor["factor"], factor["text"]) == ("attribute/income", f"income: {told}")


@pytest.mark.parametrize("awkward", ['a",', '",', ',"', '","', "\\", '\\",', ",", '"'])
def test_a_record_is_of_its_own_profile_whatever_is_in_the_ids_beside_it(
    learned: Any, awkward: str
) -> None:
    asked, model, raw = learned
    writer = RecordWriter(Scorer(asked, model, {}, 5), "events", 0)
    ids = ["first", awkward, "last"]
    said = Said(Whose(ids, [START] * 3, [1] * 3), [50] * 3, [None] * 3)
    found = writer.write(writer._scorer.score(stack(raw[:3])), said)
    assert [orjson.loads(record)["profile_id"] for record in found] == ids
