"""Makes what tests need, with everything that does not matter left to a default."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from models.config.durations import DAY, HOUR
from models.config.schema import Config
from models.engine import Engine
from models.goals.tickets import TicketBook
from models.learning.snapshot import Snapshot
from models.learning.trainer import Trainer, trainers_of
from models.partition import Partition
from models.step import PlainRecord, Record, Step

BASKET = {"field": "type", "equals": "basket"}
COUPON = {"field": "type", "equals": "coupon"}
START = 1_700_000_000_000

_numbers = itertools.count()


def goal(**parts: Any) -> dict[str, Any]:
    """A goal as the user writes it: no basket within a day."""
    return {
        "propensity": "churn",
        "outcome": {"will_not": {"where": BASKET}, "within": "1d"},
        "tickets": {"every": "1d"},
    } | parts


def config(goals: Mapping[str, Any] | None = None, **parts: Any) -> Config:
    """A configuration; without lateness, so that clocks show event times."""
    document = {"goals": goals or {"churn": goal()}, "time": {"allowed_lateness": "0s"}} | parts
    return Config.model_validate(document)


def event(
    profile: str = "p1", at: int = START, kind: str = "basket", **parts: Any
) -> dict[str, Any]:
    """An event as it is sent."""
    return {
        "event_id": f"e{next(_numbers)}",
        "profile_id": profile,
        "timestamp": at,
        "type": kind,
    } | parts


def record(fields: Mapping[str, Any], offset: int, timestamp: int | None = None) -> PlainRecord:
    """A source record with an event."""
    key = str(fields["profile_id"]).encode()
    return PlainRecord(key, orjson.dumps(fields), offset, timestamp)


def records(events: Iterable[Mapping[str, Any]], first: int = 0) -> list[PlainRecord]:
    """Source records with events, at consecutive offsets."""
    return [record(fields, offset) for offset, fields in enumerate(events, first)]


class Bench:
    """An engine with one partition: steps are applied to it as they are made.

    Parameters
    ----------
    config
        The questions.
    """

    def __init__(self, config: Config) -> None:
        self.engine = Engine(config)
        self.partition = self.open()
        self.steps: list[Step] = []

    def open(self, partition: Partition | None = None) -> Partition:
        """A new partition, or one recovered from the tables of another."""
        profiles = dict(partition.profiles) if partition else {}
        tickets = TicketBook()
        for key, held in partition.tickets if partition else ():
            for ticket in held:
                tickets.put(key, ticket)
        return self.engine.open(0, profiles, tickets)

    def run(self, source: Sequence[Record], size: int = 1000) -> list[Step]:
        """Step through records in runs of a size."""
        return [self.step(source[at : at + size]) for at in range(0, len(source), size)]

    def pieces(self, source: Sequence[Record], most: int) -> Iterator[Step]:
        """Step through records, in steps in which no more comes and goes by the clock."""
        while source:
            step = self._taken(self.engine.step(self.partition, source, most))
            source = source[step.taken :]
            yield step

    def step(self, source: Sequence[Record]) -> Step:
        """One step."""
        return self._taken(self.engine.step(self.partition, source))

    def idle(self, elapsed: int) -> Step:
        """Let the clock run on."""
        return self._taken(self.engine.idle(self.partition, elapsed))

    def _taken(self, step: Step) -> Step:
        self.partition.apply(step)
        self.steps.append(step)
        return step


def trained(config: Config, name: str, steps: Iterable[Step]) -> Trainer:
    """A trainer that has learned the examples of steps."""
    trainer = trainers_of(config)[name]
    trainer.learn([one for step in steps for one in step.examples if one.goal == name])
    return trainer


def snapshot(trainer: Trainer, **parts: Any) -> Snapshot:
    """A snapshot of a trainer, with what a test says about it."""
    return trainer.snapshot().model_copy(update=parts)


def habits(profiles: int, days: int, start: int = START) -> list[dict[str, Any]]:
    """Events of profiles with habits of their own, in order of time.

    Every profile buys a basket every few hours to days; the busier ones redeem coupons.
    """
    events = []
    for number in range(profiles):
        gap = (1 + number % 7) * 9 * HOUR
        at = start + number * 17 * 60_000
        while at < start + days * DAY:
            amount = 10.0 + (number * 7 + at // HOUR) % 90
            properties = {"amount": amount, "plan": "gold" if number % 3 else "plus"}
            events.append(event(f"p{number}", at, "basket", properties=properties))
            if number % 7 == 0 and (at // DAY) % 2:
                events.append(event(f"p{number}", at + 1, "coupon"))
            at += gap + (at // HOUR % 5) * HOUR
    return sorted(events, key=lambda one: (one["timestamp"], one["event_id"]))
