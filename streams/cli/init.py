"""``penchant init``: a commented starter file and a small sample of events."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from models.errors import ConfigError, Problem
from streams.cli.common import out, reports_errors

FILES = ("goals.yaml", "events.jsonl")


@click.command("init")
@click.argument("directory", default=".")
@click.option("--force", is_flag=True, help="Overwrite files that are there")
@reports_errors
def command(directory: str, force: bool) -> None:
    r"""Write goals.yaml and events.jsonl into DIRECTORY, to start from.

    \b
    Example: penchant init shop
    """
    folder = Path(directory)
    for name in FILES:
        if (folder / name).exists() and not force:
            found = Problem("", "a file that is there already", "a new one, or --force")
            raise ConfigError(str(folder / name), [found])
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        starter = resources.files("streams.cli") / "starter" / name
        (folder / name).write_text(starter.read_text(encoding="utf-8"), encoding="utf-8")
        out.print(f"wrote {folder / name}")
    out.print(
        f"\nNext: [bold]penchant check {folder / 'goals.yaml'}[/], then "
        f"[bold]penchant topics {folder / 'goals.yaml'} --apply[/] and "
        f"[bold]penchant worker {folder / 'goals.yaml'}[/]"
    )
