"""``penchant backtest``: the same engine over a file, no Kafka."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from models.config.schema import Config
from models.errors import PenchantError
from streams.cli.answers import answer, with_json
from streams.cli.common import (
    CONFIG,
    FAILED,
    err,
    folder_of,
    out,
    read_config,
    reports_errors,
    with_layout,
)
from streams.cli.usage import examples
from streams.offline.layout import FileLayout


@click.command(
    "backtest",
    epilog=examples(
        "penchant backtest goals.yaml events.jsonl.gz --out out",
        "penchant backtest goals.yaml events.csv --column profile_id=user --json | jq .goals",
    ),
)
@CONFIG
@click.argument("events", type=click.Path())
@click.option(
    "--out",
    "folder",
    default="out",
    show_default=True,
    type=click.Path(),
    help="Folder of the results",
)
@reports_errors
@with_layout
@with_json("what report.json holds")
def command(config: str, events: str, folder: str, layout: FileLayout, as_json: bool) -> None:
    """Run the questions of CONFIG over the file EVENTS (.jsonl, .csv, .parquet; .gz).

    Every ticket is scored with what was known when it was opened. Writes report.html, report.json
    and tickets/GOAL.parquet. Exits 2 if the file is wrong, also when every event of it was refused;
    1 if `events.exclude` leaves none.
    """
    for name, extra in (("pyarrow", "parquet"), ("plotly", "report")):
        if importlib.util.find_spec(name) is None:
            raise PenchantError(f"{name} is not installed: pip install 'penchant[{extra}]'")
    questions = read_config(config)
    report = _run(questions, events, folder_of(folder), layout)
    if as_json:
        answer(report)
    else:
        from streams.offline.summary import show  # noqa: PLC0415 - see below

        show(report, out, Path(folder))
    if not report["events"]:
        sys.exit(FAILED)


def _run(config: Config, events: str, folder: Path, layout: FileLayout) -> dict[str, object]:
    # Needs the extras that the worker does without, so only here.
    from streams.offline.figures import backtest  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        task = progress.add_task("looking through the file", total=None)

        def tell(stage: str, done: int, total: int | None) -> None:
            progress.update(task, description=stage, completed=done, total=total)

        return backtest(config, events, folder, layout, tell)
