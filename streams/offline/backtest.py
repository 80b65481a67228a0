"""A backtest: the worker's engine and trainers over a file of events, without Kafka.

Strictly prequential: a run of records is scored with the snapshots published before it, then what
it labelled is learned, then snapshots are published. Nothing is known before its time.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from models.config.schema import Config
from models.engine import MOST_DUE, Engine
from models.events.times import LATEST, format_time
from models.goals.compiled import CompiledGoal
from models.goals.examples import Example
from models.goals.tickets import TicketBook, unpack_ticket
from models.learning.trainer import Trainer, trainers_of
from models.quality.baselines import Said
from models.step import Refusal, Step
from streams.offline.ordered import FileRecord
from streams.offline.spill import Row, Spill
from streams.offline.survey import Survey

#: Records in a run, at most; what is learned from them is known from the next run on.
MOST_RUN = 1_000
LEAST_RUN = 10
#: A run covers about this share of the shortest window, so that models are never much older.
SHARE_OF_WINDOW = 1 / 8
#: Refused lines that are told one by one; the rest is counted.
MOST_REFUSED = 20


class GoalRun:
    """One goal through a backtest: its trainer and its tickets.

    Parameters
    ----------
    goal
        The goal, compiled.
    trainer
        Its trainer.
    folder
        For its tickets.
    """

    def __init__(self, goal: CompiledGoal, trainer: Trainer, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.goal = goal
        self.trainer = trainer
        self.spill = Spill(folder)
        #: The share of each factor as time went on.
        self.importance: list[dict[str, Any]] = []
        #: Versions published, with the logit of the base rate of each.
        self._published: deque[tuple[int, int, float]] = deque()
        self._base_logits: dict[int, float] = {}

    def keep(self, examples: list[Example]) -> None:
        """Keep labelled tickets, with what the baselines said of them when they were learned."""
        said = iter(self.trainer.said)
        for example in examples:
            if example.kind == "reversal":
                self.spill.turn(example.profile_id, example.t0, example.label)
            else:
                self._keep(example, next(said, None))

    def publish(self, engine: Engine, now: int) -> None:
        """Let the engine score with what has been learned."""
        snapshot = self.trainer.snapshot()
        if not engine.adopt(snapshot):
            return
        logit = float(np.log(snapshot.base_rate / (1.0 - snapshot.base_rate)))
        self._base_logits[snapshot.version] = logit
        self._published.append((now, snapshot.version, logit))
        # The one before the horizon may have been in force until well after it.
        while len(self._published) > 1 and self._published[1][0] < now - 2 * self.goal.window:
            self._base_logits.pop(self._published.popleft()[1], None)

    def look(self, now: int) -> None:
        """Note how much each factor weighs."""
        importance = self.trainer.model.importance
        if importance.observed:
            self.importance.append({"at": format_time(now), "shares": importance.shares})

    def _keep(self, example: Example, said: Said | None) -> None:
        p, version = example.probability, example.model_version
        score = None if p is None else self._score(p, version)
        self.spill.add(
            Row(
                example.profile_id, example.t0, example.due, example.label, p, version, score,
                said and said.base_rate, said and said.recency, example.raw,
            )
        )  # fmt: skip

    def _score(self, p: float, version: int) -> float:
        """The score of a probability at its time."""
        logit = float(np.log(p / (1.0 - p))) - self._base_logits[version]
        return float(100.0 / (1.0 + np.exp(-logit)))

    def keep_open(self, key: bytes, packed: bytes) -> None:
        """Keep a ticket that has no label yet."""
        ticket = unpack_ticket(packed)
        self.spill.add(
            Row(
                key.decode(), ticket.t0, ticket.t0 + self.goal.window, None, ticket.probability,
                ticket.model_version, None, None, None, ticket.raw,
            )
        )  # fmt: skip


class Backtest:
    """The engine and its trainers over records.

    Parameters
    ----------
    config
        The questions.
    folder
        For the tickets while it runs.
    topic
        What scores say they come from.
    learns
        Whether labels are learned; without it there are only tickets.
    """

    def __init__(
        self, config: Config, folder: Path, topic: str = "penchant.events", *, learns: bool = True
    ) -> None:
        self.config = config
        self.topic = topic
        self._learns = learns
        self.engine = Engine(config, topic, silent=True)
        self.partition = self.engine.open(0, {}, TicketBook())
        trainers = trainers_of(config)
        self.goals = {
            goal.name: GoalRun(goal, trainers[goal.name], folder / goal.name)
            for goal in self.engine.compiled.goals
        }
        self.looks: Iterator[int] = iter(())
        self._next_look: int | None = None
        self.counts: Counter[str] = Counter()
        self.refused: list[dict[str, Any]] = []
        self.reasons: Counter[str] = Counter()

    def run(self, records: Iterable[FileRecord], size: int, tell: Callable[[int], None]) -> None:
        """Apply all records.

        Parameters
        ----------
        records
            In the order in which they are to be applied.
        size
            Records in a run.
        tell
            Is told how many have been applied since the last time.
        """
        for run in _runs(iter(records), size):
            left = run
            while left:
                step = self.engine.step(self.partition, left, MOST_DUE)
                self.partition.apply(step)
                self._take(step)
                self._look()
                tell(step.taken)
                left = left[step.taken :]

    def _look(self) -> None:
        """Note the factors of every goal at the moments chosen for it."""
        now = self.partition.clock.now
        if self._next_look is None:
            self._next_look = next(self.looks, LATEST)
        if now >= self._next_look:
            for goal in self.goals.values():
                goal.look(now)
            while self._next_look <= now:
                self._next_look = next(self.looks, LATEST)

    def finish(self) -> None:
        """Keep the tickets that have no label yet."""
        now = self.partition.clock.now
        for key, tickets in self.partition.tickets:
            for packed in tickets:
                ticket = unpack_ticket(packed)
                goal = self.engine.compiled.by_key[ticket.goal]
                if ticket.t0 + goal.window >= now:
                    self.goals[goal.name].keep_open(key, packed)
        for one in self.goals.values():
            one.spill.flush()

    def _take(self, step: Step) -> None:
        self.counts.update(step.counts)
        for refusal in step.refused:
            self._refuse(refusal)
        by_goal: dict[str, list[Example]] = {}
        for example in step.examples:
            by_goal.setdefault(example.goal, []).append(example)
        for name, examples in by_goal.items():
            goal = self.goals[name]
            if self._learns:
                goal.trainer.learn(examples)
            goal.keep(examples)
            if self._learns:
                goal.publish(self.engine, self.partition.clock.now)

    def _refuse(self, refusal: Refusal) -> None:
        self.reasons[refusal.reason] += 1
        if len(self.refused) < MOST_REFUSED:
            line = getattr(refusal.record, "line", None)
            self.refused.append(
                {"line": line, "reason": refusal.reason, "message": refusal.message}
            )


def run_size(config: Config, found: Survey) -> int:
    """How many records make a run, by how dense the file is."""
    window = min(goal.outcome.within for goal in config.goals.values())
    density = found.readable / max(found.horizon - found.first, 1)
    return max(LEAST_RUN, min(MOST_RUN, int(density * window * SHARE_OF_WINDOW)))


def _runs(records: Iterator[FileRecord], size: int) -> Iterator[list[FileRecord]]:
    while run := list(islice(records, size)):
        yield run
