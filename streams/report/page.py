"""The page: one file, everything in it, no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import orjson
import plotly.offline
from markupsafe import Markup

from models.scoring.factors import importance
from streams.report import words
from streams.report.charts import charts_of
from streams.report.palette import bucket_colours

TITLES = {
    "auc": ("Ranking over time", "AUC of the tickets of each stretch of time: 0.5 is chance, below "
            "0.65 a goal is degraded."),
    "loss": ("Surprise over time", "Log loss beside that of always saying the base rate; lower "
             "is better."),
    "gains": ("Cumulative gains", "How many outcomes the highest-scored profiles hold."),
    "lift": ("Lift by tenths", "A good model falls from left to right."),
    "reliability": ("Reliability", "On the line, a probability means what it says; with two "
                    "standard errors."),
    "scores": ("Scores and what came", "50 is the average profile, 75 has three times its odds."),
    "rates": ("Expected and actual", "The rate in each bucket: dotted as the model expected, solid "
              "as it came."),
    "baselines": ("Beside the baselines", "Saying the base rate, and knowing only how long ago."),
    "latest": ("Scores now", "Every eligible profile at the end of the file."),
    "stability": ("Factors over time", "Steady factors can be told to people; jumpy ones not."),
}  # fmt: skip


def write_report(report: dict[str, Any], path: Path) -> None:
    """Write a report as one self-contained HTML file."""
    path.write_text(render(report), encoding="utf-8")


def render(report: dict[str, Any]) -> str:
    """The report as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("streams.report"), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.filters |= {"number": words.number, "percent": words.percent}
    goals = [_view(name, goal) for name, goal in report["goals"].items()]
    return environment.get_template("report.html").render(
        report=report,
        goals=goals,
        titles=TITLES,
        charts=_script({view["name"]: view["charts"] for view in goals}),
        plotly=Markup(plotly.offline.get_plotlyjs()),  # noqa: S704 - the library's own code
    )


def _view(name: str, goal: dict[str, Any]) -> dict[str, Any]:
    """What the template shows of a goal."""
    cut, told = words.cut_off(goal), (goal["latest"] or {}).get("factors", [])
    return {
        "name": name,
        "goal": goal,
        "headline": words.unbroken(words.headline(goal)),
        "polarity": words.polarity(goal),
        "status": words.status(goal),
        "calibration": words.calibration(goal),
        "cut_off": words.unbroken(cut[1]) if cut else None,
        "colours": bucket_colours(goal["propensity"]),
        "titles": {one["factor"]: one["title"] for one in told},
        "importance": importance,
        "charts": {key: figure.to_plotly_json() for key, figure in charts_of(goal).items()},
    }


def _script(data: Any) -> Markup:
    """Data inside a script element: nothing in it can end the element."""
    text = orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS).decode()
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - escaped on the left
