"""What parts of a configuration say about each other: names are defined, windows end in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.config.conditions import Condition
from models.config.durations import format_duration
from models.config.goals import Eligibility, Happening
from models.config.schema import Config
from models.errors import Problem

Place = tuple[str, ...]
Reference = tuple[Place, str]


def in_condition(condition: Condition, place: Place) -> Iterator[Reference]:
    """The names that a condition refers to, with the place of each."""
    if condition.event is not None:
        yield (*place, "event"), condition.event
    for form in ("all", "any"):
        for number, part in enumerate(getattr(condition, form) or []):
            yield from in_condition(part, (*place, form, str(number)))
    if condition.not_ is not None:
        yield from in_condition(condition.not_, (*place, "not"))


def in_tree(tree: Happening | Eligibility, place: Place) -> Iterator[Reference]:
    """The names that an outcome or an eligibility refers to."""
    if tree.event is not None:
        yield (*place, "event"), tree.event
    if tree.where is not None:
        yield from in_condition(tree.where, (*place, "where"))
    if isinstance(tree, Eligibility) and tree.not_ is not None:
        yield from in_tree(tree.not_, (*place, "not"))
        return
    form = "all_of" if tree.all_of else "any_of"
    parts: Sequence[Happening | Eligibility] = tree.parts
    for number, part in enumerate(parts):
        yield from in_tree(part, (*place, form, str(number)))


def in_config(config: Config) -> Iterator[Reference]:
    """Every reference in the file."""
    if config.events.exclude is not None:
        yield from in_condition(config.events.exclude, ("events", "exclude"))
    for name, named in config.named.items():
        yield from in_condition(named.where, ("named", name, "where"))
    for name, goal in config.goals.items():
        if goal.eligible is not None:
            yield from in_tree(goal.eligible, ("goals", name, "eligible"))
        if goal.tickets.at is not None:
            yield from in_condition(goal.tickets.at, ("goals", name, "tickets", "at"))
        polarity = "will" if goal.outcome.will else "will_not"
        yield from in_tree(goal.outcome.happening, ("goals", name, "outcome", polarity))


def check_references(config: Config) -> list[Problem]:
    """What is wrong with the names in a configuration: unknown ones, then circles."""
    known = ", ".join(config.named) or "none is defined"
    problems = [
        Problem(".".join(place), f"the unknown event {name!r}", f"an event from named ({known})")
        for place, name in in_config(config)
        if name not in config.named
    ]
    return problems or _circles(config) or _short_lives(config)


def _short_lives(config: Config) -> list[Problem]:
    """A window has to fit into the time that a silent profile is kept, and leave room."""
    kept = config.profiles.expire_after
    longest = max(goal.outcome.within for goal in config.goals.values())
    least = 2 * (longest + config.time.reversible_for)
    if kept is None or kept >= least:
        return []
    expected = f"at least {format_duration(least)} (twice the longest window), or null for never"
    return [Problem("profiles.expire_after", format_duration(kept), expected)]


def _circles(config: Config) -> list[Problem]:
    uses = {
        name: {used for _, used in in_condition(named.where, ())}
        for name, named in config.named.items()
    }
    return [
        Problem(f"named.{name}.where", f"{name!r} defined by itself", "a definition without circle")
        for name in uses
        if name in _reached(uses, name)
    ]


def _reached(uses: dict[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    waiting = set(uses[start])
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting |= uses[name]
    return reached
