"""The end of a backtest is readable on any terminal."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from streams.demo.summary import show as show_demo
from streams.offline.summary import show

GOALS = {
    "no_basket_within_a_week": ("collecting", 1_307_958, 0.40217, 0.71234),
    "coupon": ("degraded", 25_546, 0.03371, None),
}
WHY = {
    "collecting": {"reason": "no_labels", "have": 0, "need": 0},
    "degraded": {"reason": "auc_too_low", "have": 0.6, "need": 0.65},
}
SCORE = {
    "profile_id": "household-1", "score": 91.4, "probability": 0.4271, "propensity": "churn",
    "factors": [{"contribution": 0.8, "text": "Basket: the last 3 weeks ago"}],
}  # fmt: skip


def said(show_it: Any, width: int) -> str:
    console = Console(width=width, file=StringIO(), force_terminal=True, color_system=None)
    show_it(console)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def backtested() -> dict[str, Any]:
    goals = {
        name: {
            "status": status, "tickets": tickets, "base_rate": rate, **WHY[status],
            "evaluation": {"auc": 0.81234, "normalized_entropy": 0.76854,
                           "calibration_ratio": 0.99123},
            "baselines": {"recency": {"auc": recency}},
        }
        for name, (status, tickets, rate, recency) in GOALS.items()
    }  # fmt: skip
    return {"goals": goals, "events": 1, "profiles": 1, "seconds": 1.0, "events_per_second": 1.0,
            "notes": []}  # fmt: skip


def demonstrated() -> dict[str, Any]:
    evaluation = {"auc": 0.81234, "normalized_entropy": 0.76854, "calibration_ratio": 0.99123}
    goals = {
        name: {
            **WHY[status],
            "title": "No basket within a week (of those who had one)", "status": status,
            "examples": tickets, "positives": round(rate * tickets), "evaluation": evaluation,
            "highest": [SCORE],
        }
        for name, (status, tickets, rate, _) in GOALS.items()
    }  # fmt: skip
    return {"goals": goals, "applied": 1, "profiles": 1, "seconds": 1.0, "events_per_second": 1,
            "refused": 0, "scores": 1}  # fmt: skip


@pytest.mark.parametrize("width", [80, 100, 200])
def test_no_figure_and_no_heading_is_cut(width: int) -> None:
    for text in (
        said(lambda console: show(backtested(), console, Path("out")), width),
        said(lambda console: show_demo(demonstrated(), console, Path("out")), width),
    ):
        assert "…" not in text
        assert max(map(len, text.splitlines())) <= width
        rows = text.splitlines()
        for status, tickets, rate, _ in GOALS.values():
            (row,) = [row for row in rows if f"{tickets:,}" in row]
            assert {status, f"{rate:.1%}", "0.812", "0.769", "0.991"} <= set(row.split())
        assert {"goal", "status", "AUC", "calibration", "log", "base"} <= set(text.split())


def test_a_terminal_too_narrow_for_a_table_breaks_its_lines_itself() -> None:
    for text in (
        said(lambda console: show(backtested(), console, Path("out")), 40),
        said(lambda console: show_demo(demonstrated(), console, Path("out")), 40),
    ):
        assert "…" not in text
        assert {"goal", "0.812", "0.769", "0.991"} <= set(text.split())


def test_the_goals_name_gives_way_but_stays_whole() -> None:
    text = said(lambda console: show(backtested(), console, Path("out")), 80)
    firsts = "".join(row[:10].split(" ")[0] for row in text.splitlines())
    assert "no_basket_within_a_week" in firsts


def test_the_demo_explains_its_figures_and_what_a_high_score_means() -> None:
    text = " ".join(said(lambda to: show_demo(demonstrated(), to, Path("out")), 80).split())
    assert "outcomes expected for each that came" in text
    assert "the highest scores now (bad news: churn): household-1 score 91" in text
    assert "probability 42.7% raises: Basket: the last 3 weeks ago" in text


def test_a_goal_that_is_not_ready_says_why_and_what_to_do() -> None:
    tested = said(lambda console: show(backtested(), console, Path("out")), 200)
    assert "no_basket_within_a_week is collecting: no ticket whose window has closed: " in tested
    assert "coupon is degraded: " in tested
    shown = said(lambda console: show_demo(demonstrated(), console, Path("out")), 200)
    assert "(of those who had one) is degraded: " in shown


def test_the_demo_says_so_where_nobody_was_scored() -> None:
    empty = demonstrated()
    for goal in empty["goals"].values():
        goal["highest"] = []
    text = said(lambda console: show_demo(empty, console, Path("out")), 80)
    assert text.count("none yet") == len(GOALS)
