"""The dashboards as they are committed."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from streams.metrics import Metrics
from streams.reference.dashboards import PAGES
from streams.reference.panels import WIDTH, Page, Panel, render
from tests.deploy.test_rules import known_names, names_in

FOLDER = Path(__file__).parents[2] / "deploy/grafana/dashboards"
BOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")
}
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}")
    for name, board in sorted(BOARDS.items())
    for panel in board["panels"]
    if panel["type"] != "row"
]


def label_values(board: dict[str, Any]) -> list[tuple[str, str]]:
    """The metric and the label that each variable of a dashboard takes its values from."""
    pairs = []
    for one in board["templating"]["list"]:
        asked = re.fullmatch(r"label_values\((\w+), (\w+)\)", one["query"])
        assert asked is not None, one["query"]
        pairs.append((asked[1], asked[2]))
    return pairs


def test_every_page_is_committed_and_nothing_else() -> None:
    assert BOARDS.keys() == PAGES.keys()
    for name, page in PAGES.items():
        assert (FOLDER / f"{name}.json").read_text() == render(page)


def test_there_are_variables_for_worker_and_goal() -> None:
    names = {
        name: {one["name"] for one in board["templating"]["list"]} for name, board in BOARDS.items()
    }
    assert names == {"operations": {"worker"}, "models": {"worker", "goal"}}


@pytest.mark.parametrize("name", BOARDS)
def test_every_variable_is_used_and_every_one_used_is_there(name: str) -> None:
    text = json.dumps(BOARDS[name]["panels"])
    used = set(re.findall(r"\$([a-z]+)\b", text))
    assert used == {one["name"] for one in BOARDS[name]["templating"]["list"]}


@pytest.mark.parametrize("name", BOARDS)
def test_variables_read_labels_of_metrics_that_there_are(name: str) -> None:
    labels = {one.name: set(one.labels) for one in Metrics(CollectorRegistry()).described}
    for metric, label in label_values(BOARDS[name]):
        assert metric in known_names()
        assert label in labels[metric] | {"instance"}


@pytest.mark.parametrize("panel", PANELS)
def test_panels_read_metrics_that_there_are(panel: dict[str, Any]) -> None:
    assert panel["targets"]
    for target in panel["targets"]:
        names = names_in(target["expr"])
        assert names
        assert names <= known_names(), names - known_names()


@pytest.mark.parametrize("panel", PANELS)
def test_panels_say_what_they_show(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "prometheus"}


@pytest.mark.parametrize("name", BOARDS)
def test_panels_stand_side_by_side_and_not_on_each_other(name: str) -> None:
    places = [panel["gridPos"] for panel in BOARDS[name]["panels"]]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < WIDTH
    ids = [panel["id"] for panel in BOARDS[name]["panels"]]
    assert len(ids) == len(set(ids))


def test_a_number_turns_colour_in_the_direction_that_is_worse() -> None:
    rising = Panel("Up", "Up.", [("up", "")], kind="number", bounds=(1, 5))
    falling = Panel("Down", "Down.", [("up", "")], kind="number", bounds=(5, 1))
    board = json.loads(render(Page("page", "Page", "Page.", [], [("Row", [rising, falling])])))
    for panel, colours in zip(
        board["panels"][1:],
        (["green", "yellow", "red"], ["red", "yellow", "green"]),
        strict=True,
    ):
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert [one["color"] for one in steps] == colours
        values = [one["value"] for one in steps[1:]]
        assert all(low < high for low, high in pairwise(values))


def test_a_clock_that_no_event_has_set_is_not_shown_as_decades_behind() -> None:
    behind = [
        target["expr"]
        for board in BOARDS.values()
        for panel in board["panels"]
        for target in panel.get("targets", ())
        if "time() -" in target["expr"]
    ]
    assert behind
    assert all("> 0)" in expression for expression in behind)
