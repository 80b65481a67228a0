"""The training agent: examples in, snapshots and insights out, every example learned once."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from faust.types import TP

from models.config.schema import Config
from models.errors import InvalidEvent
from models.goals.compiled import Compiled
from models.goals.examples import Example, decode_example
from models.learning.state import dump_trainer, join_state, load_trainer, split_state
from models.learning.trainer import Trainer
from models.quality.insight import insight_of
from models.step import Refusal
from streams.agents.score import goal_partition
from streams.checkpoint import Outgoing, Output, Stage
from streams.dead_letters import dead_letters
from streams.transport.store import RunTable
from streams.wiring import Wiring

logger = logging.getLogger(__name__)

#: Examples learned between two checkpoints, at most.
MOST_PENDING = 2_000


@dataclass(slots=True)
class School:
    """The trainers of one partition of the examples topic, and what is not yet durable."""

    trainers: dict[str, Trainer]
    changed: dict[str, None] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    pending: list[Any] = field(default_factory=list)
    learned: int = 0
    offset: int | None = None
    saved_at: float = 0.0


class TrainingAgent:
    """What happens to the runs of the examples topic.

    Parameters
    ----------
    config
        The questions.
    wiring
        What it is connected to.
    table
        The trainers' states.
    every
        Seconds between checkpoints.
    """

    def __init__(self, config: Config, wiring: Wiring, table: RunTable, every: float) -> None:
        self.config = config
        self.topics = wiring.topics
        self.checkpoint = wiring.checkpoint
        self.metrics = wiring.metrics
        self.table = table
        self.every = every
        self.schools: dict[int, School] = {}
        #: Partition -> its next offset: everything before it is durable.
        self.done: dict[int, int] = {}
        self._statuses: dict[str, str] = {}
        self._partitions = list(range(wiring.partitions))

    async def handle(self, number: int, event: Any, ack: Any) -> None:
        """Learn a run; make it durable when enough has come together, or nothing more comes.

        Parameters
        ----------
        number
            The partition.
        event
            A run, or None when none has come for a while.
        ack
            Acknowledges a run, once it is durable.
        """
        school = self.open(number)
        if event is not None:
            with self.metrics.training_seconds.labels("learn").time():
                self._learn(school, event.value)
            school.pending.append(event)
            school.offset = event.message.offset + 1
        waited = time.monotonic() - school.saved_at
        if school.pending and (
            event is None or school.learned >= MOST_PENDING or waited >= self.every
        ):
            await self.save(number, school)
            for pending in school.pending:
                await ack(pending)
            school.pending = []

    def open(self, number: int) -> School:
        """The trainers of a partition, as they were last made durable."""
        if number not in self.schools:
            rows = self.table.holder(number)
            self.schools[number] = School(
                {
                    goal.name: _restored(Trainer(goal), rows)
                    for goal in Compiled(self.config).goals
                    if goal_partition(goal.name, self._partitions) == number
                }
            )
            for trainer in self.schools[number].trainers.values():
                self._show(trainer)
        return self.schools[number]

    def close(self, numbers: set[int]) -> None:
        """Let go of partitions."""
        for number in numbers & self.schools.keys():
            self.done.pop(number, None)
            for goal in self.schools.pop(number).trainers:
                self.metrics.forget_goal(goal)
                self._statuses.pop(goal, None)

    async def save(self, number: int, school: School) -> None:
        """Make what was learned durable, and tell the scorers."""
        trainers = [school.trainers[name] for name in school.changed]
        stages, rows = self._stages(number, school, trainers)
        with self.metrics.training_seconds.labels("save").time():
            await self.checkpoint.commit(TP(self.topics.examples, number), school.offset, stages)
        if school.offset is not None:
            self.done[number] = school.offset
        for row in rows:
            self.table.holder(number).apply(row.key, row.value)
        for trainer in trainers:
            self._show(trainer)
        school.changed.clear()
        school.refused.clear()
        school.learned, school.saved_at = 0, time.monotonic()

    def _learn(self, school: School, records: list[Any]) -> None:
        by_goal: dict[str, list[Example]] = {}
        for record in records:
            try:
                example = decode_example(record.value or b"")
                if example.goal in school.trainers:
                    by_goal.setdefault(example.goal, []).append(example)
            except InvalidEvent as error:
                school.refused.append(Refusal(record, error.reason, error.message))
                self.metrics.refused.labels(error.reason).inc()
        for goal, examples in by_goal.items():
            before = school.trainers[goal].counts.copy()
            school.trainers[goal].learn(examples)
            for result, count in (school.trainers[goal].counts - before).items():
                self.metrics.learned.labels(goal, result).inc(count)
            school.changed[goal] = None
        school.learned += len(records)

    def _stages(
        self, number: int, school: School, trainers: list[Trainer]
    ) -> tuple[list[Stage], list[Outgoing]]:
        topics = self.topics
        rows = [
            Outgoing(*row)
            for trainer in trainers
            for row in split_state(state_name(trainer), dump_trainer(trainer))
        ]
        snapshots = [
            Outgoing(one.goal.name.encode(), one.snapshot().model_dump_json().encode())
            for one in trainers
        ]
        outputs = [
            Output(topics.models, 0, snapshots),
            Output(topics.insights, 0, [insight(one) for one in trainers]),
        ]
        if school.refused:
            now = datetime.now(UTC)
            outputs.append(dead_letters(topics.dlq, topics.examples, number, school.refused, now))
        # The state first: a snapshot must never say what the trainer could lose again.
        return [[Output(topics.trainers, number, rows)], outputs], rows

    def _show(self, trainer: Trainer) -> None:
        """Show a trainer; a status that is new is told."""
        self.metrics.show_trainer(trainer)
        goal, readiness = trainer.goal.name, trainer.readiness
        if self._statuses.get(goal) != readiness.status:
            self._statuses[goal] = readiness.status
            about = {"goal": goal, "status": readiness.status, "reason": readiness.reason}
            logger.info("status of a goal", extra=about | {"examples": trainer.labels})


def _restored(trainer: Trainer, rows: dict[bytes, bytes]) -> Trainer:
    packed = join_state(state_name(trainer), rows)
    if packed is not None:
        load_trainer(trainer, packed)
    return trainer


def state_name(trainer: Trainer) -> str:
    """The name of a trainer's state: another version of a goal starts anew."""
    return f"{trainer.goal.name}@{trainer.goal.version}"


def insight(trainer: Trainer) -> Outgoing:
    """The record of the insights topic for a goal."""
    return Outgoing(trainer.goal.name.encode(), insight_of(trainer).model_dump_json().encode())
