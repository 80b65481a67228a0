"""``penchant init``: a commented starter file and a small sample of events."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click
from rich.markup import escape

from models.errors import ConfigError, Problem
from streams.cli.answers import answer, with_json
from streams.cli.common import folder_of, reports_errors, say
from streams.cli.usage import examples

FILES = ("goals.yaml", "events.jsonl")


@click.command(
    "init",
    epilog=examples(
        "penchant init shop",
    ),
)
@click.argument("directory", default=".", type=click.Path())
@click.option("--force", is_flag=True, help="Overwrite files that are there")
@with_json("{written: [path]}")
@reports_errors
def command(directory: str, force: bool, as_json: bool) -> None:
    """Write goals.yaml and events.jsonl into DIRECTORY, to start from."""
    folder = Path(directory)
    for name in FILES:
        if (folder / name).exists() and not force:
            found = Problem("", "a file that is there already", "a new one, or --force")
            raise ConfigError(str(folder / name), [found])
    folder_of(directory)
    for name in FILES:
        starter = resources.files("streams.cli") / "starter" / name
        (folder / name).write_text(starter.read_text(encoding="utf-8"), encoding="utf-8")
    if as_json:
        answer({"written": [str(folder / name) for name in FILES]})
        return
    for name in FILES:
        say(f"wrote {folder / name}", markup=False)
    goals, events = (escape(str(folder / name)) for name in FILES)
    say(
        f"\nNext: [bold]penchant check {goals} {events}[/], then "
        f"[bold]penchant topics {goals} --apply[/] and [bold]penchant worker {goals}[/]"
    )
