"""The end of a backtest, for people at a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def show(report: Mapping[str, Any], console: Console, folder: Path) -> None:
    """The figures of each goal, what to know about the file, and where the results are."""
    table = Table("goal", "status", "tickets", "outcome", "AUC", "recency only", "log loss / base",
                  "calibration")  # fmt: skip
    for name, goal in report["goals"].items():
        found, recency = goal["evaluation"], goal["baselines"]["recency"]
        table.add_row(
            name, goal["status"], f"{goal['tickets']:,}", _share(goal["base_rate"]),
            _shown(found["auc"]), _shown(recency["auc"]), _shown(found["normalized_entropy"]),
            _shown(found["calibration_ratio"]),
        )  # fmt: skip
    console.print(
        f"{report['events']:,} events of {report['profiles']:,} profiles in "
        f"{report['seconds']:.1f} s ({report['events_per_second']:,.0f} a second)"
    )
    console.print(table)
    for note in report["notes"]:
        console.print(f"[yellow]note:[/] {escape(note)}")
    console.print(f"The results are in [bold]{escape(str(folder))}[/]")


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
