"""Pictures of dashboards ask what the dashboards ask, and draw what they are told."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks.pictures.asked import Line, lines_of
from benchmarks.pictures.draw import draw
from streams.reference.dashboards import PAGES
from streams.reference.panels import Page, Panel

BOARDS = Path(__file__).parents[2] / "deploy/grafana/dashboards"
STARTED, END = 1_000.0, 1_010.0
PANELS = [
    pytest.param(name, panel, id=f"{name}: {panel.title}")
    for name, page in PAGES.items()
    for _, panels in page.rows
    for panel in panels
]


class Answers:
    """A Prometheus that knows one answer, and what it was asked."""

    def __init__(self, result: list[dict[str, Any]]) -> None:
        self.started = STARTED
        self.result = result
        self.asked: list[str] = []

    def get(self, path: str, **parameters: Any) -> Any:
        """The answer."""
        assert (path, parameters["start"], parameters["end"]) == ("query_range", STARTED, END)
        self.asked.append(parameters["query"])
        return {"result": self.result}


def series(values: dict[float, str], **labels: str) -> dict[str, Any]:
    """A series as Prometheus says it: seconds from the start -> value."""
    return {
        "metric": labels, "values": [[STARTED + at, value] for at, value in values.items()]
    }  # fmt: skip


def told(panel: Panel, *result: dict[str, Any]) -> list[Line]:
    """A panel's lines of an answer."""
    return lines_of(Answers(list(result)), panel, END, {"a:1": "worker 1"})  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "panel"), PANELS)
def test_a_picture_asks_what_the_committed_dashboard_asks(name: str, panel: Panel) -> None:
    board = json.loads((BOARDS / f"{name}.json").read_text())["panels"]
    (of_grafana,) = [one["targets"] for one in board if one["title"] == panel.title]
    server = Answers([])
    lines_of(server, panel, END, {})  # type: ignore[arg-type]
    assert server.asked == [everything(target["expr"]) for target in of_grafana]


def everything(query: str) -> str:
    """A dashboard's query with every worker and goal chosen."""
    return re.sub(r"\$(worker|goal)", ".*", query.replace("$__rate_interval", "10s"))


def test_lines_are_named_as_grafana_would_and_are_not_drawn_across_what_is_missing() -> None:
    panel = Panel("Lag", "What waits.", [("sum by (instance) (x)", "at {{instance}}")], "short")
    (line,) = told(panel, series({0: "1", 1: "2", 6: "5"}, instance="a:1"))
    assert line.name == "at worker 1"
    assert line.times == [0, 1, 5, 6]
    assert line.values[:2] == [1, 2]
    assert math.isnan(line.values[2])
    assert line.values[3] == 5


def test_what_is_never_a_number_is_no_line() -> None:
    panel = Panel("AUC", "How well.", [("x", "")], "short")
    assert told(panel, series({0: "NaN", 1: "NaN"}, goal="churn")) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_drawn_with_what_it_is_told_and_without_it_without(
    name: str, tmp_path: Path
) -> None:
    lines = [Line("churn", [0.0, 5.0, 10.0], [0.1, 0.9, 0.4])]
    full = drawn(PAGES[name], lines, tmp_path / "full.png")
    empty = drawn(PAGES[name], [], tmp_path / "empty.png")
    assert full.size == empty.size
    assert full.width == 1400
    changed = [
        box for box in boxes(full.size)
        if full.crop(box).tobytes() != empty.crop(box).tobytes()
    ]  # fmt: skip
    assert len(changed) > len(list(boxes(full.size))) / 3, "lines everywhere on the page"


def drawn(page: Page, lines: list[Line], path: Path) -> Image.Image:
    """A page of which every panel has these lines."""
    draw(page, lambda _: lines, "a note", path)
    return Image.open(path).convert("RGB")


def boxes(size: tuple[int, int]) -> Any:
    """The parts of a picture, ten by ten."""
    wide, high = size[0] // 10, size[1] // 10
    for left in range(0, wide * 10, wide):
        for top in range(0, high * 10, high):
            yield left, top, left + wide, top + high
