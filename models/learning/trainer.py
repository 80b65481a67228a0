"""The trainer of one goal: labelled tickets in, snapshots out, every ticket learned once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from models.config.schema import Config
from models.goals.compiled import Compiled, CompiledGoal
from models.goals.examples import Example
from models.learning.model import PropensityModel
from models.learning.readiness import Readiness, readiness_of
from models.learning.snapshot import Snapshot, finite_or_none
from models.quality.baselines import Baselines, Said
from models.quality.windows import Quality

Mark = tuple[int, str]


class Trainer:
    """Learns one goal.

    Closings of a source partition come in the order of (due, profile), so a high-water mark per
    partition recognises repeats; reversals come in the order of the late events' offsets and have a
    mark of their own.

    Parameters
    ----------
    goal
        The goal, compiled.

    Examples
    --------
    >>> outcome = {"will_not": {"where": {"field": "type", "equals": "basket"}}, "within": "7d"}
    >>> goals = {"churn": {"propensity": "churn", "outcome": outcome}}
    >>> trainers = trainers_of(Config.model_validate({"goals": goals}))
    >>> trainers["churn"].readiness.status
    'collecting'
    """

    def __init__(self, goal: CompiledGoal) -> None:
        self.goal = goal
        self.model = PropensityModel(goal.own, goal.config.model)
        self.quality = Quality(goal.window)
        self.baselines = Baselines(goal.window, goal.own)
        #: What the baselines said of the tickets learned last.
        self.said: list[Said] = []
        self.baseline_quality = {name: Quality(goal.window) for name in Said._fields}
        self.labels = 0
        self.positives = 0
        self.version = 0
        self.first_t0: int | None = None
        self.latest_t0: int | None = None
        self.learned_until = 0
        self.counts: Counter[str] = Counter()
        self._closed: dict[int, Mark] = {}
        self._reversed: dict[int, Mark] = {}

    @property
    def readiness(self) -> Readiness:
        """How far the goal is."""
        said = self.quality.rings["window"].total()
        matured = None if self.latest_t0 is None else self.latest_t0 - (self.first_t0 or 0)
        return readiness_of(matured, self.goal.window, self.labels, self.positives, said)

    def learn(self, examples: Sequence[Example]) -> None:
        """Learn examples in order; repeats and those of other versions are counted and left."""
        waiting: list[Example] = []
        self.said = []
        for example in examples:
            if not self._is_new(example):
                continue
            if example.kind == "reversal":
                self._learn(waiting)
                waiting = []
                self._reverse(example)
            else:
                waiting.append(example)
        self._learn(waiting)

    def snapshot(self) -> Snapshot:
        """The model as it is, for the scorers."""
        model, readiness = self.model, self.readiness
        return Snapshot(
            goal=self.goal.name,
            goal_version=self.goal.version,
            version=self.version,
            examples=self.labels,
            positives=self.positives,
            status=readiness.status,
            reason=readiness.reason,
            learned_until=self.learned_until,
            base_rate=model.base_rate,
            blocks=[(block.kind, block.name, block.text) for block in model.features.layout.blocks],
            mean=model.scaler.mean.tolist(),
            deviation=finite_or_none(model.scaler.deviation.tolist()),
            clip=model.scaler.clip,
            weights=model.weights.tolist(),
            centre=model.centre.tolist(),
        )

    def _is_new(self, example: Example) -> bool:
        if example.goal_version != self.goal.version:
            self.counts["other_version"] += 1
            return False
        if example.kind == "reversal":
            marks, mark = self._reversed, (example.offset, f"{example.t0:020}")
        else:
            marks, mark = self._closed, (example.due, example.profile_id)
        if mark <= marks.get(example.partition, (-1, "")):
            self.counts["repeated"] += 1
            return False
        marks[example.partition] = mark
        return True

    def _learn(self, examples: list[Example]) -> None:
        if not examples:
            return
        self.model.learn([one.raw for one in examples], [one.label for one in examples])
        self.positives += sum(one.label for one in examples)
        self.labels += len(examples)
        self._count(examples)
        self._compare(examples)
        t0s = [one.t0 for one in examples]
        first, latest = min(t0s), max(t0s)  # of several partitions, each in an order of its own
        self.first_t0 = first if self.first_t0 is None else min(self.first_t0, first)
        self.latest_t0 = latest if self.latest_t0 is None else max(self.latest_t0, latest)
        self.learned_until = max(self.learned_until, *(one.due for one in examples))
        self.version += len(examples)
        self.counts["learned"] += len(examples)

    def _reverse(self, example: Example) -> None:
        undone = self.model.reverse(example.raw, example.label)
        self.positives += 2 * example.label - 1
        self._count([replace(example, label=1 - example.label)], sign=-1)
        self._count([example])
        self._turn(example)
        self.version += 1
        self.counts["reversed"] += 1
        self.counts["not_undone"] += not undone

    def _count(self, examples: Sequence[Example], sign: int = 1) -> None:
        """Count how good what was said at T0 has been, or take it back."""
        told = [one for one in examples if one.probability is not None]
        said = [one.probability or 0.0 for one in told]
        self.quality.add_many([one.due for one in told], said, [one.label for one in told], sign)

    def _compare(self, examples: Sequence[Example]) -> None:
        """Count how good the baselines would have been, where the model has said something."""
        said = [self.baselines.meet(one.t0, one.due, one.raw, one.label) for one in examples]
        self.said += said
        told = [place for place, one in enumerate(examples) if one.probability is not None]
        dues = [examples[place].due for place in told]
        labels = [examples[place].label for place in told]
        for number, quality in enumerate(self.baseline_quality.values()):
            quality.add_many(dues, [said[place][number] for place in told], labels)

    def _turn(self, example: Example) -> None:
        """Correct how good the baselines would have been."""
        said = self.baselines.turn(example.t0, example.raw, example.label)
        if said is None or example.probability is None:
            return
        for quality, p in zip(self.baseline_quality.values(), said, strict=True):
            quality.add_many([example.due], [p], [1 - example.label], sign=-1)
            quality.add_many([example.due], [p], [example.label])

    def marks(self) -> dict[str, Any]:
        """The high-water marks as plain JSON."""
        return {
            "closed": {str(number): list(mark) for number, mark in self._closed.items()},
            "reversed": {str(number): list(mark) for number, mark in self._reversed.items()},
        }

    def set_marks(self, state: dict[str, Any]) -> None:
        """Take over high-water marks."""
        self._closed = {int(number): (at, who) for number, (at, who) in state["closed"].items()}
        self._reversed = {int(number): (at, who) for number, (at, who) in state["reversed"].items()}


def trainers_of(config: Config) -> dict[str, Trainer]:
    """A trainer for every goal of a configuration."""
    return {goal.name: Trainer(goal) for goal in Compiled(config).goals}
