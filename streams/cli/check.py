"""``penchant check``: is the configuration right, and is there enough to learn from."""

from __future__ import annotations

import importlib.util
import time
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from models.config.durations import format_duration
from models.config.schema import Config
from models.errors import PenchantError
from models.events.times import format_time
from models.goals.compiled import Compiled
from models.learning.readiness import CODES
from streams.cli.common import err, out, read_config, reports_errors, with_layout
from streams.offline.layout import FileLayout

if TYPE_CHECKING:
    from streams.offline.dry_run import Check, Finding, GoalCheck

BARS = "▁▂▃▄▅▆▇█"


@click.command("check")
@click.argument("config")
@click.argument("events", required=False)
@with_layout
@reports_errors
def command(config: str, events: str | None, layout: FileLayout) -> None:
    r"""Validate CONFIG; with a file of EVENTS, try every goal on it.

    Exits 2 with the place, what was found and what was expected if something is wrong.

    \b
    Example: penchant check goals.yaml events.jsonl.gz
    """
    questions = read_config(config)
    _show_config(config, questions)
    if events is not None:
        show(_dry_run(questions, events, layout))


def _show_config(path: str, questions: Config) -> None:
    compiled = Compiled(questions)
    table = Table("goal", "version", "propensity", "window", "a ticket every", "about")
    for goal in compiled.goals:
        table.add_row(
            goal.name,
            goal.version,
            goal.config.propensity,
            format_duration(goal.window),
            format_duration(goal.schedule.every),
            goal.title,
        )
    out.print(table)
    out.print(f"[green]{path} is right[/]: {len(compiled.goals)} goals")


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


def show(check: Check) -> None:
    """What a dry run has found, for people."""
    found = check.survey
    out.print(
        f"\n{check.applied:,} events of {check.profiles:,} profiles, "
        f"{format_time(found.first)[:10]} to {format_time(found.horizon)[:10]}"
    )
    for note in check.notes:
        out.print(f"[yellow]note:[/] {escape(note)}")
    for finding in check.findings:
        _show_finding(finding)
    for goal in check.goals:
        _show_goal(goal)


def _show_goal(goal: GoalCheck) -> None:
    rate = f"{goal.positives / goal.labelled:.1%}" if goal.labelled else "-"
    out.print(f"\n[bold]{escape(goal.title)}[/] ({goal.name}): {goal.status}")
    out.print(
        f"  {goal.eligible:,} profiles eligible now; {goal.tickets:,} tickets, {goal.labelled:,} "
        f"labelled, {goal.positives:,} positive ({rate})\n"
        f"  base rate over time {_bars(goal.base_rates)}; {goal.have_days:.0f} days of history, "
        f"{goal.need_days:.0f} advised"
    )
    used = ", ".join(f"{name} {share:.0%}" for name, share in goal.events.items())
    out.print(f"  in its tickets: {escape(used) or 'no events'}", soft_wrap=True)
    for finding in goal.findings:
        _show_finding(finding, "  ")
    if not goal.findings:
        out.print("  [green]enough to learn from[/]")


def _show_finding(finding: Finding, indent: str = "") -> None:
    colour = "red" if CODES[finding.code].kind == "blocks" else "yellow"
    text = escape(finding.text)
    out.print(f"{indent}[{colour}]{finding.code}[/] {text}", soft_wrap=True)


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
