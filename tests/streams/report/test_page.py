"""The report is one file that needs no network, whatever the figures and the names in it are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from models.config.durations import DAY
from streams.offline.figures import backtest
from streams.offline.layout import PLAIN
from streams.report.charts import charts_of
from streams.report.page import render
from streams.report.palette import GREEN, VERMILLION, bucket_colours
from streams.report.words import cut_off, headline, polarity
from tests.support.factories import COUPON, START, config, event, goal, habits

HOSTILE = "</script><script>alert(1)</script>"
GOALS = {
    "churn": goal(tickets={"every": "6h"}),
    "coupon": goal(
        propensity="conversion",
        title=HOSTILE,
        outcome={"will": {"where": COUPON}, "within": "1d"},
        tickets={"every": "6h"},
    ),
}


def report_of(folder: Path, events: list[dict[str, Any]]) -> dict[str, Any]:
    path = folder / "events.jsonl"
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in events))
    return backtest(config(GOALS), str(path), folder, PLAIN, lambda *_: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    log = habits(profiles=40, days=14)
    hostile = [event(HOSTILE, START + n * DAY, "basket") for n in range(14)]
    return report_of(folder, sorted([*log, *hostile], key=lambda one: one["timestamp"]))


@pytest.fixture(scope="module")
def page(report: dict[str, Any], folder: Path) -> str:
    assert report["goals"]
    return (folder / "report.html").read_text()


def without_scripts(page: str) -> str:
    return re.sub(r"<script>.*?</script>", "", page, flags=re.S)


def test_nothing_in_the_page_is_fetched_from_anywhere(page: str) -> None:
    assert re.findall(r'(?:src|href)="(?!#|data:,)', without_scripts(page)) == []
    assert "@import" not in page[: page.index("</style>")]
    assert "Plotly" in page


def test_names_from_the_data_stay_text(page: str) -> None:
    assert HOSTILE not in page
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in page


def test_every_chart_of_every_goal_has_its_place(page: str, report: dict[str, Any]) -> None:
    drawn = set(re.findall(r'data-goal="(\w+)" data-chart="(\w+)"', page))
    assert drawn == {(name, key) for name, one in report["goals"].items() for key in charts_of(one)}
    assert {key for _, key in drawn} == {
        "auc", "loss", "reliability", "gains", "lift", "scores", "rates", "baselines", "stability",
        "latest",
    }  # fmt: skip


def test_a_goal_without_any_label_is_a_page_all_the_same(tmp_path: Path) -> None:
    report = report_of(tmp_path, [event(f"p{n}", START + n) for n in range(20)])
    assert report["goals"]["churn"]["status"] == "collecting"
    assert "nothing to judge" in render(report)


def test_charts_show_the_figures_of_the_report(report: dict[str, Any]) -> None:
    found = report["goals"]["churn"]
    gains = charts_of(found)["gains"].to_plotly_json()["data"][0]
    assert list(gains["y"]) == [0, *(100 * row["gains"] for row in found["deciles"])]
    assert gains["y"][-1] == pytest.approx(100)


def test_a_high_score_is_bad_for_churn_and_good_for_conversion() -> None:
    assert bucket_colours("churn")["high"] == bucket_colours("conversion")["low"] == VERMILLION
    assert bucket_colours("churn")["low"] == bucket_colours("conversion")["high"] == GREEN
    said = {"window_seconds": 7 * 86_400, "propensity": "churn"}
    assert polarity(said) == "Within 7 days. A high score is bad news: churn."


def test_no_cut_off_is_suggested_where_scores_are_no_better_than_chance() -> None:
    chance = {"deciles": [{"gains": n / 10, "rate": 0.1, "lift": 1.0} for n in range(1, 11)]}
    assert cut_off(chance) is None
    assert "do not act" in headline(chance)


def test_a_figure_that_there_is_not_is_a_dash_alone(report: dict[str, Any]) -> None:
    one = report["goals"]["churn"]
    unknown = one | {"evaluation": one["evaluation"] | {"lift": None}}
    assert "\u00d7</dd>" in render(report)
    assert "-\u00d7" not in render(report | {"goals": {"churn": unknown}})
