"""Events, and models that have learned from events like them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime

import orjson

from models.config.loader import load_config
from models.engine import Engine
from models.goals.examples import Example
from models.goals.tickets import TicketBook
from models.learning.trainer import trainers_of
from models.step import PlainRecord

CONFIG = """\
events: {value: properties.amount}
goals:
  churn:
    propensity: churn
    eligible: {where: {field: properties.amount, at_least: 0}, in_last: 60d}
    outcome: {will_not: {where: {field: type, equals: purchase}}, within: 7d}
    tickets: {every: 7d}
  support:
    propensity: conversion
    outcome: {will: {where: {field: type, equals: support}}, within: 7d}
    tickets: {every: 7d}
"""
PROPENSITIES = {"churn": "churn", "support": "conversion"}
TYPES = ("view", "cart", "purchase", "search", "click", "open", "login", "support")
START = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
#: Seconds of event time between two events.
PACE = 0.5
#: From a profile to the next in turn: a prime, so that all have their turn.
STRIDE = 7_919


def events(  # noqa: PLR0913, PLR0917 - one argument a property
    number: int, profiles: int, seed: int = 1, start: float = START, pace: float = PACE,
    in_turn: bool = False,
) -> Iterator[tuple[bytes, bytes]]:  # fmt: skip
    """Key and value of events, eight types, a few properties; of profiles drawn evenly or in turn.

    In turn, no profile has a second event before all others have had one.
    """
    draw = random.Random(seed)
    for count in range(number):
        chosen = count * STRIDE % profiles if in_turn else draw.randrange(profiles)
        profile = f"p{chosen:07d}"
        at = datetime.fromtimestamp(start + count * pace, UTC)
        fields = {
            "event_id": f"{seed}-{count}",
            "profile_id": profile,
            "timestamp": at.isoformat(timespec="milliseconds"),
            "type": TYPES[int(draw.random() ** 2 * 8)],
            "properties": {
                "amount": draw.random() * 100,
                "sku": f"s{draw.randrange(500)}",
                "device": {"os": "ios", "v": "17.1"},
            },
        }
        yield profile.encode(), orjson.dumps(fields)


def snapshots(text: str = CONFIG) -> Iterator[tuple[bytes, bytes]]:
    """Snapshots of ready models of all goals of a configuration, as the models topic has them."""
    config = load_config(text, "benchmark")
    engine, trainers = Engine(config, silent=True), trainers_of(config)
    partition = engine.open(0, {}, TicketBook())
    days = 40 * 86_400
    log = events(40_000, 1_000, seed=2, start=START - days, pace=days / 40_000)
    records = [PlainRecord(key, value, offset) for offset, (key, value) in enumerate(log)]
    for at in range(0, len(records), 1_000):
        step = engine.step(partition, records[at : at + 1_000])
        partition.apply(step)
        by_goal: dict[str, list[Example]] = {}
        for example in step.examples:
            by_goal.setdefault(example.goal, []).append(example)
        for goal, examples in by_goal.items():
            trainers[goal].learn(examples)
    for goal, trainer in trainers.items():
        yield goal.encode(), trainer.snapshot().model_dump_json().encode()
