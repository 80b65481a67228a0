"""A register: what a worker knows of the trainers of a partition, and what is not yet durable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from models.learning.school import Lesson
from models.step import Record, Refusal, Row
from streams.agents.desk import Enrolment

#: Before the name of a goal: the row that says that its snapshot has been withdrawn.
WITHDRAWN = b"\x00withdrawn/"


@dataclass(slots=True)
class Register:
    """What a worker knows of the trainers of a partition.

    Parameters
    ----------
    goals
        Those whose trainers are there.
    removed
        Goals with a trainer's state that are no more, their snapshots still there.
    returned
        Goals that are back, after their snapshots had been withdrawn.
    is_open
        Whether the trainers are at their desk.
    refused
        Records that are no examples.
    results
        Examples by goal and what became of them.
    learned
        Records gone through.
    offset
        The next one; None while none was read.
    saved_at
        When everything was made durable, by a clock that never jumps.
    """

    goals: Sequence[str]
    removed: list[str]
    returned: list[str]
    is_open: bool = False
    refused: list[Refusal] = field(default_factory=list)
    results: Counter[tuple[str, str]] = field(default_factory=Counter)
    learned: int = 0
    offset: int | None = None
    saved_at: float = 0.0

    @property
    def has_to_say(self) -> bool:
        """Whether goals have come or gone, which is to be told without waiting for examples."""
        return bool(self.removed or self.returned)

    def enrolment(self, rows: Mapping[bytes, bytes]) -> Enrolment:
        """What its school is opened with."""
        return Enrolment(self.goals, self.returned, dict(rows))

    def note(self, lesson: Lesson, records: Sequence[Record], offset: int) -> None:
        """Note what has become of a run that ends at an offset."""
        self.results.update(lesson.results)
        self.refused += [
            Refusal(records[one.place], one.reason, one.message) for one in lesson.refused
        ]
        self.learned += len(records)
        self.offset = offset + 1

    def rows(self) -> list[Row]:
        """Rows of the table that say which snapshots are withdrawn, and which no longer."""
        rows = [(WITHDRAWN + name.encode(), b"1") for name in self.removed]
        return rows + [(WITHDRAWN + name.encode(), None) for name in self.returned]

    def withdrawn(self) -> list[Row]:
        """Records that withdraw what was said of goals that are no more."""
        return [(name.encode(), None) for name in self.removed]

    def saved(self, now: float) -> None:
        """Note that everything is durable."""
        self.refused.clear()
        self.results.clear()
        self.removed, self.returned = [], []
        self.learned, self.saved_at = 0, now


def register_of(goals: Sequence[str], rows: Mapping[bytes, bytes], known: Set[str]) -> Register:
    """The register of a partition, as the rows of a table say.

    What a goal that is no more has learned stays: it goes on from there when it is back.

    Parameters
    ----------
    goals
        Those of the partition.
    rows
        The table.
    known
        The names of all goals there are.
    """
    learned = {key.partition(b"@")[0].decode() for key in rows if b"@" in key}
    gone = {key[len(WITHDRAWN) :].decode() for key in rows if key.startswith(WITHDRAWN)}
    return Register(goals, sorted(learned - known - gone), sorted(gone & set(goals)))
