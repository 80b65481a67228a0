"""A school: the trainers of one partition of the examples topic, and what is not yet durable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from models.errors import InvalidEvent
from models.goals.compiled import CompiledGoal
from models.goals.examples import Example, decode_example
from models.learning.state import dump_trainer, join_state, load_trainer, split_state
from models.learning.trainer import Trainer
from models.quality.insight import insight_of
from models.step import Refusal
from streams.checkpoint import Outgoing

#: Before the name of a goal: the row that says that its snapshot has been withdrawn.
WITHDRAWN = b"\x00withdrawn/"

NewTrainer = Callable[[CompiledGoal], Trainer]


class Written(NamedTuple):
    """What trainers have to say: rows of their table, snapshots and insights."""

    rows: list[Outgoing]
    snapshots: list[Outgoing]
    insights: list[Outgoing]


@dataclass(slots=True)
class School:
    """Trainers, and what has been learned since they were last made durable.

    Parameters
    ----------
    trainers
        By the names of their goals.
    changed
        Goals whose trainers have learned.
    refused
        Records that are no examples.
    results
        Examples by goal and what became of them.
    learned
        Records gone through.
    offset
        The next one; None while none was read.
    saved_at
        When they were made durable, by a clock that never jumps.
    removed
        Goals with a trainer's state that are no more, their snapshots still there.
    returned
        Goals that are back, after their snapshots had been withdrawn.
    """

    trainers: dict[str, Trainer]
    changed: dict[str, None] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    results: Counter[tuple[str, str]] = field(default_factory=Counter)
    learned: int = 0
    offset: int | None = None
    saved_at: float = 0.0
    removed: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)

    @property
    def has_to_say(self) -> bool:
        """Whether goals have come or gone, which is to be told without waiting for examples."""
        return bool(self.removed or self.returned)

    def learn(self, records: list[Any]) -> None:
        """Learn a run of examples."""
        by_goal: dict[str, list[Example]] = {}
        for record in records:
            try:
                example = decode_example(record.value or b"")
                if example.goal in self.trainers:
                    by_goal.setdefault(example.goal, []).append(example)
            except InvalidEvent as error:
                self.refused.append(Refusal(record, error.reason, error.message))
        for goal, examples in by_goal.items():
            trainer = self.trainers[goal]
            before = trainer.counts.copy()
            trainer.learn(examples)
            for result, count in (trainer.counts - before).items():
                self.results[goal, result] += count
            self.changed[goal] = None
        self.learned += len(records)

    def write(self) -> Written:
        """What the trainers that have learned have to say."""
        trainers = [self.trainers[name] for name in self.changed]
        rows = [
            Outgoing(*row)
            for trainer in trainers
            for row in split_state(state_name(trainer), dump_trainer(trainer))
        ]
        snapshots = [
            Outgoing(one.goal.name.encode(), one.snapshot().model_dump_json().encode())
            for one in trainers
        ]
        insights = [insight(one) for one in trainers]
        withdrawn = [Outgoing(name.encode(), None) for name in self.removed]
        rows += [Outgoing(WITHDRAWN + name.encode(), b"1") for name in self.removed]
        rows += [Outgoing(WITHDRAWN + name.encode(), None) for name in self.returned]
        return Written(rows, snapshots + withdrawn, insights + withdrawn)

    def saved(self, now: float) -> None:
        """Note that everything is durable."""
        self.changed.clear()
        self.refused.clear()
        self.results.clear()
        self.removed, self.returned = [], []
        self.learned, self.saved_at = 0, now


def school_of(trainers: dict[str, Trainer], rows: Mapping[bytes, bytes], known: set[str]) -> School:
    """The school of new trainers, as the rows of a table say.

    What a goal that is no more has learned stays: it goes on from there when it is back.

    Parameters
    ----------
    trainers
        By the names of their goals.
    rows
        The table.
    known
        The names of all goals there are.
    """
    school = School({name: restored(trainer, rows) for name, trainer in trainers.items()})
    learned = {key.partition(b"@")[0].decode() for key in rows if b"@" in key}
    gone = {key[len(WITHDRAWN) :].decode() for key in rows if key.startswith(WITHDRAWN)}
    school.removed = sorted(learned - known - gone)
    school.returned = sorted(gone & trainers.keys())
    school.changed = {name: None for name in school.returned if trainers[name].version}
    return school


def restored(trainer: Trainer, rows: Mapping[bytes, bytes]) -> Trainer:
    """A new trainer, as its state in the rows of a table says, if there is one."""
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
