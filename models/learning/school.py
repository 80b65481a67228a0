"""A school: the trainers of one partition of the examples topic, wherever they are.

What goes in and what comes out are plain values, so that it may be in a process of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from models.errors import InvalidEvent
from models.goals.examples import Example, decode_example
from models.learning.state import dump_trainer, join_state, load_trainer, split_state
from models.learning.trainer import Trainer
from models.quality.insight import InsightRecord, insight_of
from models.step import Row


class Refused(NamedTuple):
    """A record that is no example.

    Parameters
    ----------
    place
        Its place in the run.
    reason, message
        As of :class:`models.errors.InvalidEvent`.
    """

    place: int
    reason: str
    message: str


class Lesson(NamedTuple):
    """What has become of a run of examples.

    Parameters
    ----------
    results
        Examples by goal and what became of them.
    refused
        Records that are no examples.
    """

    results: Counter[tuple[str, str]]
    refused: list[Refused]


class Portrait(NamedTuple):
    """What there is to show of a trainer.

    Parameters
    ----------
    insight
        How far its goal is, and how good it has been.
    learned_until
        End of the latest window learned, milliseconds.
    features, unknown
        Features that the model knows, and sources without one of their own.
    """

    insight: InsightRecord
    learned_until: int
    features: int
    unknown: int


class Written(NamedTuple):
    """What trainers have to say since they last did.

    Parameters
    ----------
    rows
        Of the table of trainers.
    snapshots, insights
        Records by goal.
    portraits
        Of the same trainers.
    """

    rows: list[Row]
    snapshots: list[Row]
    insights: list[Row]
    portraits: list[Portrait]


@dataclass(slots=True)
class School:
    """Trainers, and which of them have something to say.

    Parameters
    ----------
    trainers
        By the names of their goals.
    changed
        Goals whose trainers have learned since they last said something, or are back.
    """

    trainers: dict[str, Trainer]
    changed: dict[str, None] = field(default_factory=dict)

    def learn(self, values: Sequence[bytes | None]) -> Lesson:
        """Learn a run of examples, the values of their records.

        What is raised may leave it halfway: it is to be opened anew before it is used again.
        """
        by_goal: dict[str, list[Example]] = {}
        lesson = Lesson(Counter(), [])
        for place, value in enumerate(values):
            try:
                example = decode_example(value or b"")
                if example.goal in self.trainers:
                    by_goal.setdefault(example.goal, []).append(example)
            except InvalidEvent as error:
                lesson.refused.append(Refused(place, error.reason, error.message))
        for goal, examples in by_goal.items():
            trainer = self.trainers[goal]
            before = trainer.counts.copy()
            trainer.learn(examples)
            for result, count in (trainer.counts - before).items():
                lesson.results[goal, result] += count
            self.changed[goal] = None
        return lesson

    def write(self) -> Written:
        """What the trainers have to say that have learned; they say it once.

        Whoever cannot make it durable opens the school anew.
        """
        trainers = [self.trainers[name] for name in self.changed]
        written = Written(
            rows=[
                row for one in trainers for row in split_state(state_name(one), dump_trainer(one))
            ],
            snapshots=[
                (one.goal.name.encode(), one.snapshot().model_dump_json().encode())
                for one in trainers
            ],
            insights=[],
            portraits=[portrait_of(one) for one in trainers],
        )
        for one in written.portraits:
            row = one.insight.goal.encode(), one.insight.model_dump_json().encode()
            written.insights.append(row)
        self.changed.clear()
        return written

    def portraits(self) -> list[Portrait]:
        """What there is to show of all trainers."""
        return [portrait_of(one) for one in self.trainers.values()]


def portrait_of(trainer: Trainer) -> Portrait:
    """What there is to show of a trainer."""
    vocabulary = trainer.model.features
    return Portrait(
        insight=insight_of(trainer),
        learned_until=trainer.learned_until,
        features=len(vocabulary.layout.features),
        unknown=len(vocabulary.counts),
    )


def school_of(
    trainers: Iterable[Trainer], rows: Mapping[bytes, bytes], returned: Iterable[str] = ()
) -> School:
    """The school of new trainers, as the rows of a table say.

    Parameters
    ----------
    trainers
        One for each goal.
    rows
        The table.
    returned
        Goals that are back, after their snapshots had been withdrawn: they have something to say.

    Raises
    ------
    StateError
        A state was written by a newer version, or is damaged.
    """
    school = School({one.goal.name: restored(one, rows) for one in trainers})
    school.changed = {name: None for name in returned if school.trainers[name].version}
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
