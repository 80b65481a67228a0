"""``penchant check``: is the configuration right, and is there enough to learn from."""

from __future__ import annotations

import importlib.util
import sys
import time
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from models.config.durations import format_duration
from models.config.schema import Config
from models.errors import PenchantError
from models.events.times import format_time
from models.goals.compiled import Compiled, CompiledGoal
from models.learning.readiness import CODES
from streams.cli.answers import answer, with_json
from streams.cli.common import (
    CONFIG,
    FAILED,
    err,
    out,
    read_config,
    reports_errors,
    say,
    with_layout,
)
from streams.cli.usage import examples
from streams.offline.layout import FileLayout
from streams.tables import print_table

if TYPE_CHECKING:
    from streams.offline.dry_run import Check, Finding, GoalCheck

BARS = "▁▂▃▄▅▆▇█"


@click.command(
    "check",
    epilog=examples(
        "penchant check goals.yaml",
        "penchant check goals.yaml events.jsonl.gz",
        "penchant check goals.yaml events.jsonl.gz --json | jq '.events.goals[].findings'",
    ),
)
@CONFIG
@click.argument("events", required=False, type=click.Path())
@reports_errors
@with_layout
@with_json("{config, goals: [{name, title, version, propensity, window, every}], events}")
def command(config: str, events: str | None, layout: FileLayout, as_json: bool) -> None:
    """Validate CONFIG; with a file of EVENTS, try every goal on it.

    Exits 2 with the place, what was found and what was expected if something is wrong, also when
    every event of the file was refused; 1 if `events.exclude` leaves none. A goal that is not ready
    is an answer, no failure.
    """
    questions = read_config(config)
    if not as_json:
        _show_config(config, questions)
    found = _dry_run(questions, events, layout) if events is not None else None
    if as_json:
        answer({"config": config, "goals": _goals(questions), "events": found and told(found)})
    elif found is not None:
        show(found)
    if found is not None and not found.applied:
        sys.exit(FAILED)


def _goals(questions: Config) -> list[dict[str, str]]:
    return [
        {
            "name": goal.name, "title": goal.title, "version": goal.version,
            "propensity": goal.config.propensity, "window": format_duration(goal.window),
            "every": _every(goal),
        }
        for goal in Compiled(questions).goals
    ]  # fmt: skip


def _every(goal: CompiledGoal) -> str:
    """How often a profile's present is kept: once in so long, or at events."""
    return "at events" if goal.config.tickets.at else format_duration(goal.schedule.every)


def _show_config(path: str, questions: Config) -> None:
    goals = _goals(questions)
    table = Table("goal", "version", "propensity", "window", "a ticket every", "about")
    for goal in goals:
        names = ("name", "version", "propensity", "window", "every", "title")
        table.add_row(*(escape(goal[name]) for name in names))
    print_table(out, table)
    say(f"[green]{escape(path)} is right[/]: {len(goals)} goals")


def _dry_run(questions: Config, events: str, layout: FileLayout) -> Check:
    if importlib.util.find_spec("pyarrow") is None:
        raise PenchantError("pyarrow is not installed: pip install 'penchant[parquet]'")
    # Needs an extra that the worker does without, so only here.
    from streams.offline.dry_run import dry_run  # noqa: PLC0415

    with Progress(console=err, disable=not err.is_terminal) as progress:
        task = progress.add_task("trying every goal", total=None)

        def tell(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        return dry_run(questions, events, layout, int(time.time() * 1000), tell)


def told(check: Check) -> dict[str, Any]:
    """What a dry run has found, for programs."""
    return {
        "applied": check.applied, "profiles": check.profiles,
        "first": format_time(check.survey.first), "last": format_time(check.survey.horizon),
        "notes": check.notes, "findings": [_told(one) for one in check.findings],
        "goals": [
            goal._asdict() | {"findings": [_told(one) for one in goal.findings]}
            for goal in check.goals
        ],
    }  # fmt: skip


def _told(finding: Finding) -> dict[str, Any]:
    kind = CODES[finding.code].kind
    return finding._asdict() | {"kind": kind, "text": finding.text}


def show(check: Check) -> None:
    """What a dry run has found, for people."""
    found = check.survey
    say(
        f"\n{check.applied:,} events of {check.profiles:,} profiles, "
        f"{format_time(found.first)[:10]} to {format_time(found.horizon)[:10]}"
    )
    for note in check.notes:
        say(f"[yellow]note:[/] {escape(note)}")
    for finding in check.findings:
        _show_finding(finding)
    for goal in check.goals:
        _show_goal(goal)


def _show_goal(goal: GoalCheck) -> None:
    rate = f"{goal.positives / goal.labelled:.1%}" if goal.labelled else "-"
    say(f"\n[bold]{escape(goal.title)}[/] ({goal.name}): {goal.status}")
    say(
        f"  {goal.eligible:,} profiles eligible now; {goal.tickets:,} tickets, {goal.labelled:,} "
        f"labelled, {goal.positives:,} positive ({rate})\n"
        f"  base rate over time {_bars(goal.base_rates)}; {goal.have_days:.0f} days of history, "
        f"{goal.need_days:.0f} advised"
    )
    used = ", ".join(f"{name} {share:.0%}" for name, share in goal.events.items())
    say(f"  in its tickets: {escape(used) or 'no events'}")
    for finding in goal.findings:
        _show_finding(finding, "  ")
    if not goal.findings:
        say("  [green]enough to learn from[/]")


def _show_finding(finding: Finding, indent: str = "") -> None:
    colour = "red" if CODES[finding.code].kind == "blocks" else "yellow"
    text = escape(finding.text)
    say(f"{indent}[{colour}]{finding.code}[/] {text}")


def _bars(rates: list[float | None]) -> str:
    """Rates as a line of bars.

    Examples
    --------
    >>> _bars([0.0, 0.5, 1.0, None])
    '▁▅█ '
    """
    top = max((rate for rate in rates if rate is not None), default=0.0) or 1.0
    return "".join(
        " " if rate is None else BARS[min(int(rate / top * 8), 7)] for rate in rates
    )  # fmt: skip
