"""The training agent: examples in, snapshots and insights out, every example learned once."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import Any

from faust.types import TP

from models.config.schema import Config
from models.errors import PenchantError
from models.goals.compiled import Compiled
from models.learning.trainer import Trainer
from models.poison import CRASH_KEY, POISON, Crashes, crashes_of
from models.step import Record, Refusal
from streams.agents.poison import Crash
from streams.agents.school import NewTrainer, School, Written, school_of
from streams.agents.score import goal_partition
from streams.checkpoint import Outgoing, Output, Stage
from streams.dead_letters import dead_letters
from streams.transport.store import RunTable
from streams.wiring import Wiring

logger = logging.getLogger(__name__)


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
    new_trainer
        Makes the trainer of a goal.
    """

    def __init__(
        self, config: Config, wiring: Wiring, table: RunTable, new_trainer: NewTrainer = Trainer
    ) -> None:
        self.config = config
        self.topics = wiring.topics
        self.source = wiring.topics.examples
        self.checkpoint = wiring.checkpoint
        self.metrics = wiring.metrics
        self.table = table
        self.new_trainer = new_trainer
        self.schools: dict[int, School] = {}
        #: Partition -> its next offset: everything before it is durable.
        self.done: dict[int, int] = {}
        self._statuses: dict[str, str] = {}
        self._partitions = list(range(wiring.partitions))

    async def handle(self, number: int, records: list[Any], offset: int) -> None:
        """Learn a run that ends at an offset and make it durable.

        Raises
        ------
        Crash
            Nothing of it was written.
        """
        self.learn(number, records, offset)
        await self.save(number)

    def learn(self, number: int, records: list[Any], offset: int) -> School:
        """Learn a run that ends at an offset; it is not durable before it is saved.

        Raises
        ------
        Crash
            A trainer raised what it never should.
        """
        school = self.open(number)
        try:
            with self.metrics.training_seconds.labels("learn").time():
                school.learn(records)
        except PenchantError:
            raise
        except Exception as error:
            raise Crash from error
        school.offset = offset + 1
        return school

    async def save(self, number: int) -> None:
        """Make what was learned durable, and tell the scorers.

        Raises
        ------
        Crash
            A trainer cannot say what it has learned.
        """
        school = self.open(number)
        try:
            written = school.write()
        except PenchantError:
            raise
        except Exception as error:
            raise Crash from error
        rows = written.rows + self._passed(number, school)
        stages = self._stages(number, school, written._replace(rows=rows))
        with self.metrics.training_seconds.labels("save").time():
            await self.checkpoint.commit(TP(self.topics.examples, number), school.offset, stages)
        if school.offset is not None:
            self.done[number] = school.offset
        for row in rows:
            self.table.holder(number).apply(row.key, row.value)
        for name in school.changed:
            self._show(school.trainers[name])
        self.metrics.count_lessons(school.results, school.refused)
        for goal in school.removed:
            logger.info("withdrew the snapshot of a goal that is no more", extra={"goal": goal})
        school.saved(time.monotonic())

    def open(self, number: int) -> School:
        """The trainers of a partition, as they were last made durable."""
        if number not in self.schools:
            self.schools[number] = self._school(number)
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

    # -- runs that crash a trainer; see streams/agents/poison.py ----------------------------

    def crashes(self, number: int) -> Crashes | None:
        """The crashes noted of a partition."""
        return crashes_of(self.table.holder(number))

    async def note(self, number: int, crashes: Crashes) -> None:
        """Make it durable that a run has crashed, and nothing else."""
        row = Outgoing(CRASH_KEY, crashes.pack())
        stages = [[Output(self.topics.trainers, number, [row])]]
        await self.checkpoint.commit(TP(self.topics.examples, number), None, stages)
        self.table.holder(number).apply(row.key, row.value)

    def error_of(self, number: int, records: list[Any]) -> Exception | None:
        """What a run would crash a trainer with, from what is durable; nothing is kept."""
        school = self._school(number)
        try:
            school.learn(records)
            school.write()
        except PenchantError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what was asked for
            return error
        return None

    async def isolate(self, number: int, record: Record, message: str) -> None:
        """Make an example a dead letter instead of learning it."""
        school = self.open(number)
        school.refused.append(Refusal(record, POISON, message))
        school.offset = record.offset + 1
        await self.save(number)

    # -- what it writes ---------------------------------------------------------------------

    def _school(self, number: int) -> School:
        trainers = {
            goal.name: self.new_trainer(goal)
            for goal in Compiled(self.config).goals
            if goal_partition(goal.name, self._partitions) == number
        }
        return school_of(trainers, self.table.holder(number), set(self.config.goals))

    def _passed(self, number: int, school: School) -> list[Outgoing]:
        """The end of a note of crashes, once the place is behind us."""
        crashes = self.crashes(number)
        is_behind = crashes is not None and (school.offset or 0) > crashes.last
        return [Outgoing(CRASH_KEY, None)] if is_behind else []

    def _stages(self, number: int, school: School, written: Written) -> list[Stage]:
        topics = self.topics
        outputs = [
            Output(topics.models, 0, written.snapshots),
            Output(topics.insights, 0, written.insights),
        ]
        if school.refused:
            now = datetime.now(UTC)
            outputs.append(dead_letters(topics.dlq, topics.examples, number, school.refused, now))
        # The state first: a snapshot must never say what the trainer could lose again.
        return [[Output(topics.trainers, number, written.rows)], outputs]

    def _show(self, trainer: Trainer) -> None:
        """Show a trainer; a status that is new is told."""
        self.metrics.show_trainer(trainer)
        goal, readiness = trainer.goal.name, trainer.readiness
        if self._statuses.get(goal) != readiness.status:
            self._statuses[goal] = readiness.status
            about = {"goal": goal, "status": readiness.status, "reason": readiness.reason}
            logger.info("status of a goal", extra=about | {"examples": trainer.labels})
