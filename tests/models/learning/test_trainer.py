"""The trainer learns every ticket once, and its state survives."""

from __future__ import annotations

from typing import Any, Literal

import orjson
import pytest
from msgspec.structs import astuple, replace

from models.errors import SnapshotError, StateError
from models.goals.examples import Example, decode_example, encode_example
from models.learning.snapshot import read_snapshot
from models.learning.state import dump_trainer, join_state, load_trainer, split_state
from models.learning.trainer import Trainer
from tests.support.factories import Bench, config, goal, habits, records, trained


def questions(kind: Literal["bayesian", "ftrl"] = "bayesian") -> Any:
    return config({"churn": goal(tickets={"every": "12h"}, model=kind)})


@pytest.fixture(scope="module")
def closed() -> list[Example]:
    bench = Bench(questions())
    return [one for step in bench.run(records(habits(40, 25))) for one in step.examples]


def test_repeated_examples_are_learned_once(closed: list[Example]) -> None:
    once, twice = trained(questions(), "churn", []), trained(questions(), "churn", [])
    once.learn(closed)
    twice.learn(closed[:300])
    twice.learn(closed[100:])
    assert twice.model.weights.tobytes() == once.model.weights.tobytes()
    assert twice.counts["repeated"] == 200
    assert twice.version == once.version == len(closed)


def test_partitions_have_marks_of_their_own(closed: list[Example]) -> None:
    trainer = trained(questions(), "churn", [])
    trainer.learn(closed[:50])
    trainer.learn([replace(one, partition=1) for one in closed[:50]])
    assert trainer.counts["learned"] == 100


def test_a_reversal_is_learned_once_and_corrects_the_counts(closed: list[Example]) -> None:
    trainer = trained(questions(), "churn", [])
    trainer.learn(closed)
    negative = next(one for one in reversed(closed) if one.label == 0)
    reversal = replace(negative, label=1, kind="reversal", offset=10_000)
    positives = trainer.positives
    trainer.learn([reversal])
    trainer.learn([reversal])
    assert trainer.positives == positives + 1
    assert trainer.labels == len(closed)
    assert (trainer.counts["reversed"], trainer.counts["repeated"]) == (1, 1)


def test_a_reversal_corrects_what_is_counted_of_baselines_too(closed: list[Example]) -> None:
    trainer = trained(questions(), "churn", [])
    spoken = [replace(one, probability=0.4, model_version=1) for one in closed]
    trainer.learn(spoken)
    before = {name: one.all_time.counts.copy() for name, one in trainer.baseline_quality.items()}
    negative = next(one for one in reversed(spoken) if one.label == 0)
    trainer.learn([replace(negative, label=1, kind="reversal", offset=10_000)])
    for name, quality in trainer.baseline_quality.items():
        change = quality.all_time.counts - before[name]
        assert quality.all_time.counts.min() >= 0
        assert (change[0] == -change[1]).all()
        assert (change.min(), change.max()) == (-1, 1)
        assert (quality.all_time.labels, quality.all_time.positives) == (
            trainer.labels, trainer.positives
        )  # fmt: skip


def test_examples_of_another_version_of_the_goal_are_left(closed: list[Example]) -> None:
    trainer = trained(questions(), "churn", [])
    trainer.learn([replace(one, goal_version="0") for one in closed[:10]])
    assert trainer.version == 0
    assert trainer.counts["other_version"] == 10


@pytest.mark.parametrize("kind", ["bayesian", "ftrl"])
def test_a_restored_trainer_goes_on_bit_by_bit(
    closed: list[Example], kind: Literal["bayesian", "ftrl"]
) -> None:
    asked = questions(kind)
    version = trained(asked, "churn", []).goal.version
    examples = [replace(one, goal_version=version) for one in closed[:700]]
    through, first = trained(asked, "churn", []), trained(asked, "churn", [])
    through.learn(examples)
    first.learn(examples[:350])
    second = trained(asked, "churn", [])
    load_trainer(second, dump_trainer(first))
    assert dump_trainer(second) == dump_trainer(first)
    second.learn(examples[350:])
    assert second.model.weights.tobytes() == through.model.weights.tobytes()
    assert dump_trainer(second) == dump_trainer(through)


def test_a_state_in_parts_needs_all_of_them_from_the_same_checkpoint() -> None:
    packed = bytes(range(256)) * 2_000
    rows = dict(split_state("churn", packed))
    assert max(map(len, rows.values())) < 256 * 1024
    assert list(rows)[-1] == b"churn"
    assert join_state("churn", rows) == packed
    with pytest.raises(StateError, match="not those of its manifest"):
        join_state("churn", rows | {b"churn/1": b"older"})
    for damaged in (b"", b"{", b"[]", b"{}"):
        with pytest.raises(StateError, match="no manifest"):
            join_state("churn", rows | {b"churn": damaged})
    assert join_state("other", rows) is None


def test_a_state_of_another_goal_or_a_damaged_one_is_refused() -> None:
    churn, other = trained(questions(), "churn", []), trained(config(), "churn", [])
    with pytest.raises(StateError, match="not of churn"):
        load_trainer(other, dump_trainer(trained(questions("ftrl"), "churn", [])))
    with pytest.raises(StateError, match="damaged"):
        load_trainer(churn, dump_trainer(churn)[:-5])


def test_an_example_survives_its_record_exactly(closed: list[Example]) -> None:
    for example in closed[:50]:
        again = decode_example(encode_example(example))
        assert astuple(again)[:8] == astuple(example)[:8]
        assert again.raw.names == example.raw.names
        assert again.raw.numbers.tobytes() == example.raw.numbers.tobytes()


def test_learning_from_records_gives_a_bit_equal_model(closed: list[Example]) -> None:
    direct, through = trained(questions(), "churn", []), trained(questions(), "churn", [])
    direct.learn(closed)
    through.learn([decode_example(encode_example(one)) for one in closed])
    assert through.model.weights.tobytes() == direct.model.weights.tobytes()


def test_a_goal_is_collecting_until_a_whole_window_of_tickets_has_matured(
    closed: list[Example],
) -> None:
    trainer = trained(questions(), "churn", [])
    seen = []
    for example in closed:
        trainer.learn([example])
        seen.append((trainer.readiness.status, example.t0))
    first = min(one.t0 for one in closed)
    day = trainer.goal.window
    collecting = [t0 for status, t0 in seen if status == "collecting"]
    assert collecting
    assert max(collecting) < first + day
    assert [status for status, _ in seen][-1] in ("ready", "degraded")
    assert trainer.labels >= 500


def test_a_goal_with_too_few_labels_says_how_many_it_needs(closed: list[Example]) -> None:
    trainer = trained(questions(), "churn", [])
    trainer.learn(closed[:300])
    readiness = trainer.readiness
    assert (readiness.status, readiness.reason) == ("warming", "too_few_labels")
    assert (readiness.have, readiness.need) == (300, 500)


POISON = [
    {"weights": [1e9]},
    {"mean": [float("nan")]},
    {"weights": []},
    {"base_rate": 1.0},
    {"deviation": [-1.0]},
    {"blocks": [["evil", "", ""]]},
    {"clip": 0.0},
]


@pytest.mark.parametrize("poison", POISON, ids=lambda one: next(iter(one)))
def test_a_poisoned_snapshot_is_refused(closed: list[Example], poison: dict[str, Any]) -> None:
    trainer: Trainer = trained(questions(), "churn", [])
    trainer.learn(closed)
    good = orjson.loads(trainer.snapshot().model_dump_json())
    assert read_snapshot(orjson.dumps(good)) == trainer.snapshot()
    for name, value in poison.items():
        same_length = value + good[name][len(value) :] if value and type(value) is list else value
        with pytest.raises(SnapshotError):
            read_snapshot(orjson.dumps(good | {name: same_length}))
