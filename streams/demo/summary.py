"""The demo's end: figures per goal over the second half of the tickets, and who stands out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.markup import escape

from models.quality.tally import Tally
from streams.demo.follow import Seen
from streams.demo.screen import reasons
from streams.offline.summary import figures_table, shown, whys
from streams.tables import print_table

LEGEND = (
    "[dim]Over the second half of the tickets, each scored with what was known when it was opened. "
    "AUC: 0.5 is chance, 1 perfect. Calibration: outcomes expected for each that came. Log loss / "
    "base: below 1 is better than always saying the base rate.[/]\n"
)
#: The highest profiles of each goal that are told about.
HIGHEST = 2


def evaluation(tickets: Mapping[str, tuple[str, int, float | None]]) -> dict[str, Any]:
    """Quality over the second half of the tickets by T0, each with what was said at its T0."""
    ordered = sorted(tickets.values())
    half = Tally()
    for _, label, probability in ordered[len(ordered) // 2 :]:
        if probability is not None:
            half.add(probability, label)
    return half.figures()


def summarise(seen: Seen, titles: Mapping[str, str], seconds: float) -> dict[str, Any]:
    """Everything worth keeping, as plain JSON."""
    events = int(seen.total("penchant_events_total"))
    return {
        "events": events,
        "applied": int(seen.total("penchant_events_total", result="applied")),
        "refused": int(seen.total("penchant_events_total", result="refused")),
        "seconds": round(seconds, 1),
        "events_per_second": round(events / max(seconds, 1e-9)),
        "profiles": int(seen.total("penchant_profiles")),
        "scores": int(seen.total("penchant_scores_total")),
        "goals": {goal: _goal(seen, goal, title) for goal, title in titles.items()},
    }


def _goal(seen: Seen, goal: str, title: str) -> dict[str, Any]:
    insight = seen.insights.get(goal, {})
    return {
        "title": title,
        "status": insight.get("status", "collecting"),
        "reason": insight.get("reason", ""),
        "have": insight.get("have", 0.0),
        "need": insight.get("need", 0.0),
        "examples": insight.get("examples", 0),
        "positives": insight.get("positives", 0),
        "evaluation": evaluation(seen.tickets.get(goal, {})),
        "highest": highest(seen, goal),
    }


def highest(seen: Seen, goal: str) -> list[dict[str, Any]]:
    """The profiles with the highest latest scores."""
    scores = [
        orjson.loads(value) for key, value in seen.scores.items() if key.startswith(f"{goal}/")
    ]
    return sorted(scores, key=lambda score: -score["score"])[:HIGHEST]


def show(summary: dict[str, Any], console: Console, report: Path) -> None:
    """The summary, for people."""
    names = ("goal", "status", "examples", "outcomes", "AUC", "calibration", "log loss / base")
    rows = []
    for goal in summary["goals"].values():
        found = goal["evaluation"]
        rows.append(
            [
                escape(goal["title"]), goal["status"], f"{goal['examples']:,}",
                f"{goal['positives'] / max(goal['examples'], 1):.1%}",
                *(shown(found[name]) for name in ("auc", "calibration_ratio",
                                                  "normalized_entropy")),
            ]
        )  # fmt: skip
    console.print(
        f"\n{summary['applied']:,} events of {summary['profiles']:,} profiles in "
        f"{summary['seconds']:.0f} s ({summary['events_per_second']:,} a second), "
        f"{summary['refused']} refused, {summary['scores']:,} scores."
    )
    print_table(console, figures_table(names, rows))
    for text in whys((goal["title"], goal) for goal in summary["goals"].values()):
        console.print(escape(text))
    console.print(LEGEND)
    for goal in summary["goals"].values():
        highest = goal["highest"]
        bad = highest and highest[0]["propensity"] == "churn"
        news = " (bad news: churn)" if bad else ""
        console.print(f"[bold]{escape(goal['title'])}[/], the highest scores now{news}:")
        if not highest:
            console.print("  none yet: no event came after its first model")
        for score in highest:
            console.print(
                f"  {escape(score['profile_id'])}  score {score['score']:.0f}, "
                f"probability {score['probability']:.1%}\n    {escape(reasons(score))}"
            )
    console.print(f"\nThe figures are in [bold]{escape(str(report))}[/]", soft_wrap=True)
