"""The demo's screen: live while it runs, a line now and then where there is no terminal."""

from __future__ import annotations

import time
from typing import Any

import orjson
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from streams.cli.watch import colour_of
from streams.demo.follow import Seen

#: Profiles shown of each goal.
SHOWN = 2
WIDEST_REASONS = 3
STATUS_COLOURS = {
    "collecting": "dim", "warming": "yellow", "ready": "green", "degraded": "red",
}  # fmt: skip


class Screen:
    """What is shown.

    Parameters
    ----------
    titles
        Goal -> what people call it.
    events
        How many events will be sent.
    console
        Where it is shown.
    """

    def __init__(self, titles: dict[str, str], events: int, console: Console) -> None:
        self.console = console
        self.titles = titles
        self.events = events
        self._started = time.monotonic()
        self._shown: dict[str, list[str]] = {}
        self._rates: list[tuple[float, float]] = [(self._started, 0.0)]

    def render(self, seen: Seen) -> RenderableType:
        """Everything, for a terminal."""
        return Group(self._flow(seen), self._goals(seen), self._profiles(seen))

    def line(self, seen: Seen) -> str:
        """The most important, for a log."""
        quality = ", ".join(
            f"{goal} {one['status']} AUC {_number(one['quality']['all']['auc'], 3)}"
            for goal, one in sorted(seen.insights.items())
        )
        return (
            f"{time.monotonic() - self._started:4.0f} s  {self.done(seen):,} of {self.events:,} "
            f"events, {self.rate(seen):,.0f}/s, {seen.total('penchant_examples_total'):,.0f} "
            f"examples learned; {quality}"
        )

    def done(self, seen: Seen) -> int:
        """Events that have been dealt with."""
        return int(seen.total("penchant_events_total"))

    def rate(self, seen: Seen) -> float:
        """Events a second, over the last few seconds or since it was asked last."""
        now = time.monotonic()
        self._rates = [*self._rates[-40:], (now, self.done(seen))]
        recent = [one for one in self._rates if now - one[0] <= 4.0]
        recent = recent if len(recent) > 1 else self._rates[-2:]  # a log asks less often
        (start, first), (end, last) = recent[0], recent[-1]
        return (last - first) / (end - start) if end > start else 0.0

    def _flow(self, seen: Seen) -> RenderableType:
        grid = Table.grid(padding=(0, 3))
        facts = {
            "events": f"{self.done(seen):,} of {self.events:,}",
            "a second": f"{self.rate(seen):,.0f}",
            "waiting": f"{seen.total('penchant_lag_records'):,.0f}",
            "profiles": f"{seen.total('penchant_profiles'):,.0f}",
            "open tickets": f"{seen.total('penchant_tickets_open'):,.0f}",
            "examples learned": f"{seen.total('penchant_examples_total'):,.0f}",
            "scores sent": f"{seen.total('penchant_scores_total'):,.0f}",
        }
        grid.add_row(*(f"[bold]{value}[/]\n[dim]{name}[/]" for name, value in facts.items()))
        return Panel(grid, title="Penchant: the year 2017 of 2,469 households", title_align="left")

    def _goals(self, seen: Seen) -> RenderableType:
        table = Table("goal", "status", "learned", "outcomes", "AUC", "calibration", expand=True)
        for goal, title in self.titles.items():
            one = seen.insights.get(goal)
            if one is None:
                table.add_row(title, "[dim]collecting[/]", "0", "", "", "")
                continue
            quality = one["quality"]["all"]
            table.add_row(
                title,
                f"[{STATUS_COLOURS[one['status']]}]{one['status']}[/] [dim]{one['reason']}[/]",
                f"{one['examples']:,}",
                f"{one['positives'] / max(one['examples'], 1):.1%}",
                _number(quality["auc"], 3),
                _number(quality["calibration_ratio"], 2),
            )
        return table

    def _profiles(self, seen: Seen) -> RenderableType:
        table = Table("profile", "goal", "score", "percentile", "why", expand=True)
        for goal in self.titles:
            for key in self._chosen(seen, goal):
                if key in seen.scores:
                    table.add_row(*score_cells(seen.scores[key]))
        return table

    def _chosen(self, seen: Seen, goal: str) -> list[str]:
        """The same few profiles all along, so that one can watch them change."""
        if len(self._shown.get(goal, [])) < SHOWN:
            found = [key for key in seen.scores if key.startswith(f"{goal}/")]
            self._shown[goal] = found[:SHOWN]
        return self._shown[goal]


def score_cells(value: bytes) -> list[str]:
    """A score as the cells of a row."""
    score: dict[str, Any] = orjson.loads(value)
    colour = colour_of(score["bucket"], score["propensity"])
    before = score.get("previous")
    moved = f" [dim]was {before['score']:.0f}[/]" if before else ""
    return [
        escape(score["profile_id"]),
        score["goal"],
        f"[{colour}]{score['score']:.0f} {score['bucket']}[/]{moved}",
        str(score["percentile"]),
        escape(reasons(score)),
    ]


def reasons(score: dict[str, Any]) -> str:
    """The strongest reasons of a score, with their direction; a young model may have none yet."""
    found = "; ".join(
        f"{'raises' if one['contribution'] > 0 else 'lowers'}: {one['text']}"
        for one in score["factors"][:WIDEST_REASONS]
    )
    return found or "no factor stands out yet"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
