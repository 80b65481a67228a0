"""``penchant check``: is the configuration right."""

from __future__ import annotations

import click
from rich.table import Table

from models.config.durations import format_duration
from models.goals.compiled import Compiled
from streams.cli.common import out, read_config, reports_errors


@click.command("check")
@click.argument("config")
@reports_errors
def command(config: str) -> None:
    r"""Validate CONFIG and show what it asks.

    Exits 2 with the place, what was found and what was expected if something is wrong.

    \b
    Example: penchant check goals.yaml
    """
    compiled = Compiled(read_config(config))
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
    out.print(f"[green]{config} is right[/]: {len(compiled.goals)} goals")
