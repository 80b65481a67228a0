"""However the examples of several partitions arrive and are cut, a trainer ends the same."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest
from msgspec.structs import replace

from models.goals.examples import Example
from models.learning.state import dump_trainer
from tests.support.factories import Bench, config, goal, habits, records, trained

QUESTIONS = config({"churn": goal(tickets={"every": "12h"})})
PARTITIONS = 3


@cache
def of_partition(number: int) -> list[Example]:
    """The examples of a third of the profiles; from the hundredth on, a model has spoken."""
    bench = Bench(QUESTIONS)
    bench.partition.number = number
    own = [one for one in habits(24, 20) if int(one["profile_id"][1:]) % PARTITIONS == number]
    closed = [one for step in bench.run(records(own)) for one in step.examples]
    said = Random(number)  # noqa: S311 - what a model may have said
    return [
        replace(one, probability=said.random(), model_version=1) if place > 100 else one
        for place, one in enumerate(closed)
    ]


def interleaved(random: Random) -> list[Example]:
    """All examples, each partition's in its order, and some negatives that were turned later."""
    found: list[Example] = []
    left = {number: list(of_partition(number)) for number in range(PARTITIONS)}
    while left:
        number = random.choice(sorted(left))
        size = random.randrange(1, 60)
        taken, left[number] = left[number][:size], left[number][size:]
        found += taken
        if not left[number]:
            del left[number]
        turned = next((one for one in taken if one.label == 0), None)
        if turned is not None and size % 5 == 0:
            found.append(replace(turned, label=1, kind="reversal", offset=len(found)))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_the_same_examples_in_other_cuts_give_the_same_bytes(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - a cut
    examples = interleaved(random)
    at_once, in_cuts = trained(QUESTIONS, "churn", []), trained(QUESTIONS, "churn", [])
    at_once.learn(examples)
    while examples:
        size = random.randrange(1, 50)
        in_cuts.learn(examples[:size])
        examples = examples[size:]
    assert at_once.counts["reversed"] > 0
    assert dump_trainer(in_cuts) == dump_trainer(at_once)
