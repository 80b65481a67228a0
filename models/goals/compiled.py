"""A configuration compiled: everything the engine asks of it, worked out once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from models.config.conditions import Condition
from models.config.goals import Eligibility, Goal, Happening
from models.config.schema import Config
from models.events.conditions import Test, compile_condition, expand_condition
from models.events.paths import compile_path
from models.events.recognition import REMEMBERED, Recogniser
from models.goals.eligibility import Eligible, asked_of, compile_eligibility
from models.goals.outcome import CompiledOutcome
from models.goals.schedule import Schedule, schedule_of
from models.hashing import fingerprint, hash32
from models.profiles.intake import Numbered, compile_number

EVENT = "event/"
NAMED = "named/"


@dataclass(frozen=True, slots=True)
class CompiledGoal:
    """A goal as the engine asks it.

    Parameters
    ----------
    name, version
        Its name, and a fingerprint of its definition: another definition, another version.
    key
        A 32-bit key of name and version, for packed states.
    config
        What the user wrote.
    window
        Milliseconds from T0 to the end of the window.
    outcome, eligible, schedule
        Compiled parts.
    opened_by
        Number of the condition whose events open its tickets; None when its schedule does.
    positive_when_met
        True for "will", False for "will not".
    own
        The feature sources that the goal is about: ``event/basket``, ``named/big_basket``.
    """

    name: str
    version: str
    key: int
    config: Goal
    window: int
    outcome: CompiledOutcome
    eligible: Eligible
    schedule: Schedule
    opened_by: int | None
    positive_when_met: bool
    own: tuple[str, ...]

    @property
    def title(self) -> str:
        """What people call it."""
        return self.config.title or self.name

    @property
    def score_prefix(self) -> bytes:
        """What the keys of its scores start with: ``goal/profile_id``."""
        return self.name.encode() + b"/"


class Effects(NamedTuple):
    """What an event does to its profile, by the conditions that it meets.

    Parameters
    ----------
    advances
        The goals, by key, whose outcome it advances.
    sources
        The feature sources of the user's own events that it is counted under.
    marks
        The keys of the marks that it leaves.
    opens
        The goals whose tickets it opens.
    """

    advances: dict[int, CompiledGoal]
    sources: list[str]
    marks: list[int]
    opens: list[CompiledGoal]


class Compiled:
    """A configuration compiled.

    Parameters
    ----------
    config
        A valid one.

    Examples
    --------
    >>> outcome = {"will_not": {"where": {"field": "type", "equals": "basket"}}, "within": "7d"}
    >>> goals = {"churn": {"propensity": "churn", "outcome": outcome}}
    >>> compiled = Compiled(Config.model_validate({"goals": goals}))
    >>> [(goal.name, goal.own, goal.positive_when_met) for goal in compiled.goals]
    [('churn', ('event/basket',), False)]
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._named = {name: named.where for name, named in config.named.items()}
        self.recogniser = Recogniser(self._named)
        self.excluded: Test | None = None
        if config.events.exclude is not None:
            self.excluded = compile_condition(config.events.exclude, self._named)
        self.value: Numbered | None = None
        if config.events.value is not None:
            self.value = compile_number(config.events.value)
        #: After which silence a profile is scored again, and after which it is forgotten.
        self.refresh = config.scores.refresh
        self.kept_for = config.profiles.expire_after
        self.attributes = {name: compile_path(path) for name, path in config.attributes.items()}
        #: Number of a condition -> the feature source of the user's own event.
        self.sources = {
            self.recogniser.number(where): NAMED + name for name, where in self._named.items()
        }
        #: Number of a condition -> the key of the mark it leaves in a profile.
        self.marks: dict[int, int] = {}
        self.goals = [self._compile(name, goal) for name, goal in config.goals.items()]
        self.by_key = {goal.key: goal for goal in self.goals}
        #: Goals whose tickets are opened by the clock.
        self.scheduled = [goal for goal in self.goals if goal.opened_by is None]
        #: Number of a condition -> the goals whose tickets its events open.
        self.opens: dict[int, list[CompiledGoal]] = {}
        for goal in self.goals:
            if goal.opened_by is not None:
                self.opens.setdefault(goal.opened_by, []).append(goal)
        self._effects: dict[tuple[int, ...], Effects] = {}
        #: Number of a condition -> the goals whose outcome it advances.
        self.advances = {
            number: [goal for goal in self.goals if number in goal.outcome.conditions]
            for goal in self.goals
            for number in goal.outcome.conditions
        }

    def effects_of(self, numbers: list[int]) -> Effects:
        """What an event does that meets the conditions of these numbers."""
        known = self._effects.get(key := tuple(numbers))
        if known is None:
            if len(self._effects) >= REMEMBERED:
                self._effects.clear()
            known = self._effects[key] = Effects(
                {goal.key: goal for number in numbers for goal in self.advances.get(number, ())},
                [self.sources[number] for number in numbers if number in self.sources],
                [self.marks[number] for number in numbers if number in self.marks],
                [goal for number in numbers for goal in self.opens.get(number, ())],
            )
        return known

    def _compile(self, name: str, goal: Goal) -> CompiledGoal:
        version = fingerprint(self._meaning(goal))
        eligible = compile_eligibility(goal.eligible, self._mark, self._named.__getitem__)
        outcome = CompiledOutcome(
            goal.outcome.happening, self.recogniser.number, self._named.__getitem__
        )
        return CompiledGoal(
            name=name,
            version=version,
            key=hash32(f"{name}/{version}"),
            config=goal,
            window=goal.outcome.within,
            outcome=outcome,
            eligible=eligible,
            schedule=schedule_of(name, goal.every, goal.tickets.share),
            opened_by=self.recogniser.number(at) if (at := goal.tickets.at) else None,
            positive_when_met=goal.outcome.will is not None,
            own=tuple(dict.fromkeys(self._own(goal))),
        )

    def _mark(self, condition: Condition) -> int:
        key = self.recogniser.key(condition)
        self.marks[self.recogniser.number(condition)] = key
        return key

    def _meaning(self, goal: Goal) -> dict[str, Any]:
        """What the goal asks and how it learns; how it is called and sampled is left out."""
        exclude = self.config.events.exclude
        at = goal.tickets.at  # another population to learn from is another question
        return ({"at": expand_condition(at, self._named)} if at else {}) | {
            "eligible": goal.eligible and self._expand_eligibility(goal.eligible),
            "outcome": self._expand_happening(goal.outcome.happening),
            "will": goal.outcome.will is not None,
            "within": goal.outcome.within,
            "exclude": exclude and expand_condition(exclude, self._named),
            "model": goal.model,
        }

    def _expand_eligibility(self, tree: Eligibility) -> dict[str, Any]:
        if tree.parts:
            form = "all_of" if tree.all_of else "any_of" if tree.any_of else "not"
            return {form: [self._expand_eligibility(part) for part in tree.parts]}
        asked = asked_of(tree, self._named.__getitem__)
        return {"where": expand_condition(asked, self._named), "in_last": tree.in_last}

    def _expand_happening(self, tree: Happening) -> dict[str, Any]:
        if tree.parts:
            form = "all_of" if tree.all_of else "any_of"
            return {form: [self._expand_happening(part) for part in tree.parts]}
        where = tree.where or self._named[str(tree.event)]
        return {"where": expand_condition(where, self._named), "times": tree.times}

    def _own(self, goal: Goal) -> Iterator[str]:
        """Feature sources named by the outcome, then by the eligibility."""
        for tree in (goal.outcome.happening, goal.eligible):
            if tree is not None:
                yield from _sources_in(tree)


def _sources_in(tree: Happening | Eligibility) -> Iterator[str]:
    for part in tree.parts:
        yield from _sources_in(part)
    if tree.event is not None:
        yield NAMED + tree.event
    if tree.where is not None:
        yield from _types_in(tree.where)


def _types_in(condition: Condition) -> Iterator[str]:
    """Event types that a condition names, as feature sources."""
    if condition.event is not None:
        yield NAMED + condition.event
    if condition.field == "type" and condition.operator in ("equals", "one_of"):
        operand = condition.operand
        yield from (EVENT + str(name) for name in (operand if type(operand) is list else [operand]))
    for part in [*(condition.all or []), *(condition.any or [])]:
        yield from _types_in(part)
