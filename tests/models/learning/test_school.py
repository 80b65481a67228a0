"""A school: every example to the trainer of its goal, and what has been learned is said once."""

from __future__ import annotations

import pytest

from models.errors import StateError
from models.goals.compiled import Compiled
from models.goals.examples import Example, encode_example
from models.learning.school import School, portrait_of, school_of, state_name
from models.learning.snapshot import read_snapshot
from models.learning.state import dump_trainer
from models.learning.trainer import Trainer
from tests.support.factories import Bench, config, goal, habits, records, trained

QUESTIONS = config({"churn": goal(), "coupon": goal(propensity="conversion")})
EXAMPLES = [one for step in Bench(QUESTIONS).run(records(habits(20, 12))) for one in step.examples]


def school(*goals: str, rows: dict[bytes, bytes] | None = None) -> School:
    trainers = [Trainer(one) for one in Compiled(QUESTIONS).goals if one.name in goals]
    return school_of(trainers, rows or {})


def values(examples: list[Example]) -> list[bytes | None]:
    return [encode_example(one) for one in examples]


def alone(name: str) -> Trainer:
    trainer = trained(QUESTIONS, name, [])
    trainer.learn([one for one in EXAMPLES if one.goal == name])
    return trainer


def test_every_example_is_learned_by_the_trainer_of_its_goal() -> None:
    found = school("churn", "coupon")
    lesson = found.learn(values(EXAMPLES))
    for name, trainer in found.trainers.items():
        assert dump_trainer(trainer) == dump_trainer(alone(name))
        assert lesson.results[name, "learned"] == trainer.labels > 0


def test_examples_of_a_goal_without_a_trainer_are_left() -> None:
    found = school("churn")
    lesson = found.learn(values(EXAMPLES))
    assert set(lesson.results) == {("churn", "learned")}
    assert lesson.refused == []
    assert list(found.changed) == ["churn"]


def test_what_is_no_example_is_refused_by_its_place_and_the_others_are_learned() -> None:
    found, given = school("churn", "coupon"), values(EXAMPLES)
    given[3:3] = [b"{", None]
    lesson = found.learn(given)
    assert [(one.place, one.reason) for one in lesson.refused] == [
        (3, "bad_example"), (4, "bad_example"),
    ]  # fmt: skip
    assert dump_trainer(found.trainers["churn"]) == dump_trainer(alone("churn"))


def test_what_was_learned_is_said_once_and_a_new_school_goes_on_from_it() -> None:
    found, half = school("churn", "coupon"), len(EXAMPLES) // 2
    found.learn(values(EXAMPLES[:half]))
    written = found.write()
    assert {key for key, _ in written.snapshots} == {b"churn", b"coupon"}
    assert found.write() == ([], [], [], [])
    rows = {key: value for key, value in written.rows if value is not None}
    again = school("churn", "coupon", rows=rows)
    again.learn(values(EXAMPLES[half:]))
    for name, trainer in again.trainers.items():
        assert dump_trainer(trainer) == dump_trainer(alone(name))


def test_what_is_shown_of_a_trainer_is_what_is_said_of_it() -> None:
    found = school("churn")
    found.learn(values(EXAMPLES))
    written = found.write()
    (portrait,), ((_, insight),) = written.portraits, written.insights
    assert insight == portrait.insight.model_dump_json().encode()
    assert found.portraits() == [portrait] == [portrait_of(found.trainers["churn"])]
    value = written.snapshots[0][1]
    assert value is not None
    assert read_snapshot(value) == found.trainers["churn"].snapshot()


def test_a_goal_that_is_back_says_what_it_knows_if_it_knows_anything() -> None:
    found = school("churn")
    found.learn(values(EXAMPLES))
    rows = {key: value for key, value in found.write().rows if value is not None}
    trainers = [Trainer(one) for one in Compiled(QUESTIONS).goals]
    back = school_of(trainers, rows, ["churn", "coupon"])
    assert [key for key, _ in back.write().snapshots] == [b"churn"]


def test_a_damaged_state_opens_no_school() -> None:
    found = school("churn")
    found.learn(values(EXAMPLES))
    rows = {key: value for key, value in found.write().rows if value is not None}
    rows[f"{state_name(found.trainers['churn'])}/0".encode()] = b"damaged"
    with pytest.raises(StateError):
        school("churn", rows=rows)
