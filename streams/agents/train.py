"""The training agent: examples in, snapshots and insights out, every example learned once."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from faust.types import TP

from models.config.schema import Config
from models.errors import PenchantError
from models.learning.school import Portrait, Written
from models.poison import CRASH_KEY, POISON, Crashes, crashes_of
from models.step import Record, Refusal, Row
from streams.agents.desk import Desk, Schools
from streams.agents.poison import Crash
from streams.agents.register import Register, register_of
from streams.agents.score import goal_partition
from streams.checkpoint import Output, Stage
from streams.dead_letters import dead_letters
from streams.transport.store import RunTable
from streams.wiring import Wiring

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


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
    schools
        Makes trainers, to find out with what a run crashes them.
    desk
        Where trainers work.
    """

    def __init__(
        self, config: Config, wiring: Wiring, table: RunTable, schools: Schools, desk: Desk
    ) -> None:
        self.config = config
        self.topics = wiring.topics
        self.source = wiring.topics.examples
        self.checkpoint = wiring.checkpoint
        self.metrics = wiring.metrics
        self.table = table
        self.schools = schools
        self.desk = desk
        #: Partition -> its next offset: everything before it is durable.
        self.done: dict[int, int] = {}
        self._registers: dict[int, Register] = {}
        self._statuses: dict[str, str] = {}
        self._partitions = list(range(wiring.partitions))

    @property
    def learned(self) -> dict[int, int]:
        """Partition -> its next offset: everything before it is learned, if not yet durable."""
        registers = self._registers.items()
        return {number: one.offset for number, one in registers if one.offset is not None}

    async def handle(self, number: int, records: list[Any], offset: int) -> None:
        """Learn a run that ends at an offset and make it durable.

        Raises
        ------
        Crash
            Nothing of it was written.
        """
        await self.learn(number, records, offset)
        await self.save(number)

    async def learn(self, number: int, records: list[Any], offset: int) -> None:
        """Learn a run that ends at an offset; it is not durable before it is saved.

        Raises
        ------
        Crash
            A trainer raised what it never should.
        """
        register = await self.ready(number)
        with self.metrics.training_seconds.labels("learn").time():
            lesson = await _answer(self.desk.learn(number, [record.value for record in records]))
        register.note(lesson, records, offset)

    async def save(self, number: int) -> None:
        """Make what was learned durable, and tell the scorers.

        Raises
        ------
        Crash
            A trainer cannot say what it has learned.
        """
        register = await self.ready(number)
        written = await _answer(self.desk.write(number))
        rows = [*written.rows, *register.rows(), *self._passed(number, register)]
        stages = self._stages(number, register, written, rows)
        with self.metrics.training_seconds.labels("save").time():
            await self.checkpoint.commit(TP(self.topics.examples, number), register.offset, stages)
        if register.offset is not None:
            self.done[number] = register.offset
        for row in rows:
            self.table.holder(number).apply(*row)
        self._show(written.portraits)
        self.metrics.count_lessons(register.results, register.refused)
        for goal in register.removed:
            logger.info("withdrew the snapshot of a goal that is no more", extra={"goal": goal})
        register.saved(time.monotonic())

    def goals_of(self, number: int) -> list[str]:
        """The goals whose examples are in a partition."""
        goals = self.config.goals
        return [goal for goal in goals if goal_partition(goal, self._partitions) == number]

    def register(self, number: int) -> Register:
        """What there is to know of the trainers of a partition, as they were last made durable."""
        if number not in self._registers:
            self._registers[number] = self._register(number)
        return self._registers[number]

    async def ready(self, number: int) -> Register:
        """The same, once they are at their desk."""
        register = self.register(number)
        if not register.is_open:
            enrolment = register.enrolment(self.table.holder(number))
            self._show(await self.desk.open(number, enrolment))
            register.is_open = True
        return register

    def close(self, numbers: set[int]) -> None:
        """Let go of partitions."""
        known = numbers & self._registers.keys()
        self.desk.close(known)
        for number in known:
            self.done.pop(number, None)
            for goal in self._registers.pop(number).goals:
                self.metrics.forget_goal(goal)
                self._statuses.pop(goal, None)

    # -- runs that crash a trainer; see streams/agents/poison.py ----------------------------

    def crashes(self, number: int) -> Crashes | None:
        """The crashes noted of a partition."""
        return crashes_of(self.table.holder(number))

    async def note(self, number: int, crashes: Crashes) -> None:
        """Make it durable that a run has crashed, and nothing else."""
        row = (CRASH_KEY, crashes.pack())
        stages = [[Output(self.topics.trainers, number, [row])]]
        await self.checkpoint.commit(TP(self.topics.examples, number), None, stages)
        self.table.holder(number).apply(*row)

    def error_of(self, number: int, records: list[Any]) -> Exception | None:
        """What a run would crash a trainer with, from what is durable; nothing is kept."""
        register = self._register(number)
        school = self.schools.new(register.enrolment(self.table.holder(number)))
        try:
            school.learn([record.value for record in records])
            school.write()
        except PenchantError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what was asked for
            return error
        return None

    async def isolate(self, number: int, record: Record, message: str) -> None:
        """Make an example a dead letter instead of learning it."""
        register = await self.ready(number)
        register.refused.append(Refusal(record, POISON, message))
        register.offset = record.offset + 1
        await self.save(number)

    # -- what it writes ---------------------------------------------------------------------

    def _register(self, number: int) -> Register:
        known = self.config.goals.keys()
        return register_of(self.goals_of(number), self.table.holder(number), known)

    def _passed(self, number: int, register: Register) -> list[Row]:
        """The end of a note of crashes, once the place is behind us."""
        crashes = self.crashes(number)
        is_behind = crashes is not None and (register.offset or 0) > crashes.last
        return [(CRASH_KEY, None)] if is_behind else []

    def _stages(
        self, number: int, register: Register, written: Written, rows: list[Row]
    ) -> list[Stage]:
        topics, withdrawn = self.topics, register.withdrawn()
        outputs = [
            Output(topics.models, 0, [*written.snapshots, *withdrawn]),
            Output(topics.insights, 0, [*written.insights, *withdrawn]),
        ]
        if register.refused:
            now, source = datetime.now(UTC), topics.examples
            outputs.append(dead_letters(topics.dlq, source, number, register.refused, now))
        # The state first: a snapshot must never say what the trainer could lose again.
        return [[Output(topics.trainers, number, rows)], outputs]

    def _show(self, portraits: Iterable[Portrait]) -> None:
        """Show trainers; a status that is new is told."""
        for portrait in portraits:
            self.metrics.show_trainer(portrait)
            said = portrait.insight
            if self._statuses.get(said.goal) != said.status:
                self._statuses[said.goal] = said.status
                about = {"goal": said.goal, "status": said.status, "reason": said.reason}
                logger.info("status of a goal", extra=about | {"examples": said.examples})


async def _answer(asked: Awaitable[Answer]) -> Answer:
    """What trainers answer.

    Raises
    ------
    Crash
        They raised what they never should.
    """
    try:
        return await asked
    except PenchantError:
        raise
    except Exception as error:
        raise Crash from error
