"""Where trainers work: in the worker's own process, or in one beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from models.config.schema import Config
from models.goals.compiled import Compiled, CompiledGoal
from models.learning.school import Lesson, Portrait, School, Written, school_of
from models.learning.trainer import Trainer

NewTrainer = Callable[[CompiledGoal], Trainer]


class Enrolment(NamedTuple):
    """What a school is opened with.

    Parameters
    ----------
    goals
        Names of the goals whose trainers it has.
    returned
        Those that are back, after their snapshots had been withdrawn.
    rows
        The table of trainers.
    """

    goals: Sequence[str]
    returned: Sequence[str]
    rows: Mapping[bytes, bytes]


class Desk(Protocol):
    """Has schools by the number of their partitions; what is asked is done in that order."""

    def begin(self) -> None:
        """Get ready, for a school will be opened soon."""

    async def open(self, number: int, enrolment: Enrolment) -> list[Portrait]:
        """Open a school; what there is to show of its trainers."""

    async def learn(self, number: int, values: Sequence[bytes | None]) -> Lesson:
        """See :meth:`School.learn`."""

    async def write(self, number: int) -> Written:
        """See :meth:`School.write`."""

    def close(self, numbers: Iterable[int]) -> None:
        """Let go of schools."""

    async def end(self) -> None:
        """Let go of everything."""


class Schools:
    """Schools by the number of their partitions.

    Parameters
    ----------
    config
        The questions.
    new_trainer
        Makes the trainer of a goal.
    """

    def __init__(self, config: Config, new_trainer: NewTrainer = Trainer) -> None:
        self._config = config
        self._new_trainer = new_trainer
        self.held: dict[int, School] = {}

    def new(self, enrolment: Enrolment) -> School:
        """A school that nobody has yet."""
        goals = [one for one in Compiled(self._config).goals if one.name in enrolment.goals]
        trainers = [self._new_trainer(goal) for goal in goals]
        return school_of(trainers, enrolment.rows, enrolment.returned)

    def open(self, number: int, enrolment: Enrolment) -> list[Portrait]:
        """Open a school; what there is to show of its trainers."""
        school = self.held[number] = self.new(enrolment)
        return school.portraits()

    def learn(self, number: int, values: Sequence[bytes | None]) -> Lesson:
        """See :meth:`School.learn`."""
        return self.held[number].learn(values)

    def write(self, number: int) -> Written:
        """See :meth:`School.write`."""
        return self.held[number].write()

    def close(self, numbers: Iterable[int]) -> None:
        """Let go of schools."""
        for number in numbers:
            self.held.pop(number, None)


class Here:
    """A desk in this process: while something is learned nothing else is done.

    Parameters
    ----------
    schools
        With whom it works.
    """

    def __init__(self, schools: Schools) -> None:
        self.schools = schools

    def begin(self) -> None:
        """Get ready: nothing to do."""

    async def open(self, number: int, enrolment: Enrolment) -> list[Portrait]:
        """Open a school; what there is to show of its trainers."""
        return self.schools.open(number, enrolment)

    async def learn(self, number: int, values: Sequence[bytes | None]) -> Lesson:
        """See :meth:`School.learn`."""
        return self.schools.learn(number, values)

    async def write(self, number: int) -> Written:
        """See :meth:`School.write`."""
        return self.schools.write(number)

    def close(self, numbers: Iterable[int]) -> None:
        """Let go of schools."""
        self.schools.close(numbers)

    async def end(self) -> None:
        """Let go of everything."""
        self.schools.held.clear()
