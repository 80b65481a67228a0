"""The end of a backtest, for people at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.learning.readiness import CODES, told
from streams.tables import print_table


def show(report: Mapping[str, Any], console: Console, folder: Path) -> None:
    """The figures of each goal, what to know about the file, and where the results are."""
    rows = []
    for name, goal in report["goals"].items():
        found, recency = goal["evaluation"], goal["baselines"]["recency"]
        rows.append(
            [
                escape(name), goal["status"], f"{goal['tickets']:,}", _share(goal["base_rate"]),
                shown(found["auc"]), shown(recency["auc"]), shown(found["normalized_entropy"]),
                shown(found["calibration_ratio"]),
            ]
        )  # fmt: skip
    names = ("goal", "status", "tickets", "outcome", "AUC", "AUC of recency", "log loss / base",
             "calibration")  # fmt: skip
    console.print(
        f"{report['events']:,} events of {report['profiles']:,} profiles in "
        f"{report['seconds']:.1f} s ({report['events_per_second']:,.0f} a second)"
    )
    print_table(console, figures_table(names, rows))
    for text in whys(report["goals"].items()):
        console.print(escape(text))
    for note in report["notes"]:
        console.print(f"[yellow]note:[/] {escape(note)}")
    console.print(f"The results are in [bold]{escape(str(folder))}[/]")


def figures_table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Figures of goals, whole at 80 columns: headings wrap, and the first column gives way."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(names[0], overflow="fold")
    for place, name in enumerate(names[1:], 1):
        width = max(len(text) for text in ("loss /", *name.split(), *(row[place] for row in rows)))
        table.add_column(name, width=width, justify="left" if name == "status" else "right")
    for row in rows:
        table.add_row(*row)
    return table


def whys(goals: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[str]:
    """Why goals are not ready, and what to do about it, a line each.

    Examples
    --------
    >>> goal = {"status": "warming", "reason": "too_few_labels", "have": 120, "need": 500}
    >>> list(whys([("coupon", goal)]))
    ['coupon is warming: 120 labels of 500; wait, or `tickets.every` shorter']
    """
    for name, goal in goals:
        code = goal["reason"]
        if code in CODES:
            why = told(code, goal["have"], goal["need"])
            yield f"{name} is {goal['status']}: {why}; {CODES[code].change}"


def shown(value: float | None) -> str:
    """A figure; a dash for none."""
    return "-" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
