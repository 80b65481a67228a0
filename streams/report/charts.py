"""The charts of a goal, as Plotly figures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import plotly.graph_objects as go

from streams.report.palette import BLUE, GREEN, GREY, LINES, ORANGE, VERMILLION, bucket_colours
from streams.report.words import cut_off

Goal = dict[str, Any]
MOST_LINES = 7


def charts_of(goal: Goal) -> dict[str, go.Figure]:
    """Every chart there is data for, by name."""
    return {name: figure for name, figure in _charts(goal) if figure is not None}


def _charts(goal: Goal) -> Iterator[tuple[str, go.Figure | None]]:
    yield "auc", auc_over_time(goal)
    yield "loss", loss_over_time(goal)
    yield "reliability", reliability(goal)
    yield "gains", gains(goal)
    yield "lift", lift(goal)
    yield "scores", scores(goal)
    yield "rates", rates_over_time(goal)
    yield "baselines", baselines(goal)
    yield "stability", stability(goal)
    yield "latest", latest_scores(goal)


def _figure(x: str, y: str, **layout: Any) -> go.Figure:
    figure = go.Figure()
    legend = {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0}
    margin = {"l": 58, "r": 14, "t": 12, "b": 48}
    common = {"template": "none", "hovermode": "x unified", "height": 330}
    figure.update_layout({**common, "margin": margin, "legend": legend, **layout})
    figure.update_xaxes(automargin=True, title=x)
    figure.update_yaxes(automargin=True, title=y)
    return figure


def _middles(goal: Goal) -> list[str]:
    return [row["start"] for row in goal["over_time"]]


def auc_over_time(goal: Goal) -> go.Figure:
    """AUC of the tickets of each stretch of time."""
    figure = _figure("tickets opened", "AUC", yaxis={"range": [0.4, 1.0]})
    said = [row["auc"] for row in goal["over_time"]]
    sizes = [f"{row['tickets']:,} tickets, {row['positives']:,} outcomes"
             for row in goal["over_time"]]  # fmt: skip
    figure.add_scatter(
        x=_middles(goal), y=said, mode="lines+markers", name="AUC", line={"color": BLUE},
        customdata=sizes, hovertemplate="%{y:.3f}, %{customdata}",
    )  # fmt: skip
    figure.add_hline(y=0.5, line={"color": GREY, "dash": "dot"}, annotation_text="chance")
    figure.add_hline(
        y=0.65, line={"color": VERMILLION, "dash": "dot"}, annotation_text="alarm below"
    )
    return figure


def loss_over_time(goal: Goal) -> go.Figure:
    """Log loss beside that of always saying the base rate."""
    figure = _figure("tickets opened", "log loss (nats)", yaxis={"rangemode": "tozero"})
    x = _middles(goal)
    figure.add_scatter(
        x=x, y=[row["log_loss"] for row in goal["over_time"]], name="model",
        mode="lines+markers", line={"color": BLUE}, hovertemplate="%{y:.3f}",
    )  # fmt: skip
    figure.add_scatter(
        x=x, y=[_entropy(row["base_rate"]) for row in goal["over_time"]], name="base rate",
        mode="lines", line={"color": GREY, "dash": "dash"}, hovertemplate="%{y:.3f}",
    )  # fmt: skip
    return figure


def _entropy(rate: float | None) -> float:
    if rate is None or rate <= 0 or rate >= 1:
        return 0.0
    return -(rate * math.log(rate) + (1 - rate) * math.log(1 - rate))


def reliability(goal: Goal) -> go.Figure:
    """What was said beside what came, in twentieths of the tickets; counts as sizes."""
    rows = goal["reliability"]
    figure = _figure("probability said", "share that came", hovermode="closest")
    top = max([row["said"] for row in rows] + [row["rate"] for row in rows] + [0.05]) * 1.05
    figure.add_scatter(
        x=[0, top], y=[0, top], mode="lines", name="perfect", line={"color": GREY, "dash": "dot"},
        hoverinfo="skip",
    )  # fmt: skip
    errors = [2 * math.sqrt(row["rate"] * (1 - row["rate"]) / max(row["labels"], 1))
              for row in rows]  # fmt: skip
    figure.add_scatter(
        x=[row["said"] for row in rows], y=[row["rate"] for row in rows], mode="markers",
        name="a twentieth of the tickets each",
        marker={"color": BLUE, "size": 9},
        error_y={"type": "data", "array": errors, "color": BLUE, "thickness": 1, "width": 2},
        customdata=[round(row["labels"]) for row in rows],
        hovertemplate="said %{x:.3f}, came %{y:.3f}, %{customdata:,} tickets<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(range=[0, top])
    figure.update_yaxes(range=[0, top])
    return figure


def gains(goal: Goal) -> go.Figure:
    """Cumulative gains by tenths, with the suggested cut-off."""
    rows = goal["deciles"]
    x = [100.0 * number / max(len(rows), 1) for number in range(len(rows) + 1)]
    figure = _figure("highest-scored share of profiles (%)", "share of all outcomes (%)")
    figure.add_scatter(
        x=x, y=[0, *(100 * row["gains"] for row in rows)], mode="lines+markers", name="model",
        line={"color": BLUE}, hovertemplate="%{y:.0f} %",
    )  # fmt: skip
    figure.add_scatter(
        x=[0, 100], y=[0, 100], mode="lines", name="chance", line={"color": GREY, "dash": "dot"},
        hoverinfo="skip",
    )  # fmt: skip
    cut = cut_off(goal)
    if cut is not None:
        figure.add_vline(x=cut[0] * 10, line={"color": ORANGE, "dash": "dash"},
                         annotation_text="suggested cut-off",
                         annotation_position="bottom right")  # fmt: skip
    return figure


def lift(goal: Goal) -> go.Figure:
    """How many times the base rate each tenth holds."""
    rows = goal["deciles"]
    figure = _figure("tenth of profiles, highest scores first", "times the base rate")
    figure.add_bar(
        x=[str(number + 1) for number in range(len(rows))], y=[row["lift"] for row in rows],
        marker={"color": BLUE}, name="lift", customdata=[100 * row["rate"] for row in rows],
        hovertemplate="%{y:.2f} times, rate %{customdata:.1f} %<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(dtick=1)
    figure.add_hline(y=1, line={"color": GREY, "dash": "dot"}, annotation_text="chance")
    return figure


def scores(goal: Goal) -> go.Figure:
    """How often each score was given, by what came then."""
    width = 100 / len(goal["scores"]["negative"])
    x = [(number + 0.5) * width for number in range(len(goal["scores"]["negative"]))]
    figure = _figure("score when the ticket was opened", "tickets", barmode="stack", bargap=0.05)
    bad = goal["propensity"] == "churn"
    for name, title, colour in (
        ("negative", "did not occur", GREY),
        ("positive", "occurred", VERMILLION if bad else GREEN),
    ):
        figure.add_bar(x=x, y=goal["scores"][name], name=title, marker={"color": colour},
                       hovertemplate="%{y:,}")  # fmt: skip
    _edges(figure)
    return figure


def latest_scores(goal: Goal) -> go.Figure | None:
    """The scores of the profiles at the end, coloured by bucket."""
    latest = goal["latest"]
    if latest is None:
        return None
    colours, bins = bucket_colours(goal["propensity"]), latest["scores"]
    figure = _figure("score now", "profiles", bargap=0.05, barmode="overlay")
    width = 100 / len(bins)
    for name, low, high in (("low", 0, 25), ("medium", 25, 75), ("high", 75, 100)):
        places = [place for place in range(len(bins)) if low <= place * width < high]
        figure.add_bar(
            x=[(place + 0.5) * width for place in places], y=[bins[place] for place in places],
            width=width * 0.95, name=name, marker={"color": colours[name]},
            hovertemplate="%{y:,} profiles",
        )  # fmt: skip
    _edges(figure)
    return figure


def _edges(figure: go.Figure) -> None:
    for edge in (25, 75):
        figure.add_vline(x=edge, line={"color": GREY, "dash": "dot"})
    figure.update_xaxes(range=[0, 100])


def rates_over_time(goal: Goal) -> go.Figure:
    """Expected (dotted) and actual rate of each bucket, as time went on."""
    figure = _figure("tickets opened", "share (%)", yaxis={"rangemode": "tozero"})
    for bucket, colour in bucket_colours(goal["propensity"]).items():
        rows = [row for row in goal["over_time"] if bucket in row["buckets"]]
        x = [row["start"] for row in rows]
        for what, dash in (("expected", "dot"), ("actual", "solid")):
            figure.add_scatter(
                x=x, y=[100 * row["buckets"][bucket][what] for row in rows], mode="lines",
                name=f"{bucket}, {what}", line={"color": colour, "dash": dash},
                legendgroup=bucket, hovertemplate="%{y:.1f} %",
            )  # fmt: skip
    return figure


def baselines(goal: Goal) -> go.Figure:
    """AUC of the model and the baselines side by side."""
    found = {"model": goal["evaluation"], "recency only": goal["baselines"]["recency"],
             "base rate": goal["baselines"]["base_rate"]}  # fmt: skip
    figure = _figure("", "AUC", yaxis={"range": [0.4, 1.0]}, hovermode="closest")
    figure.add_bar(
        x=list(found), y=[one["auc"] for one in found.values()],
        marker={"color": [BLUE, ORANGE, GREY]},
        text=["-" if one["auc"] is None else f"{one['auc']:.3f}" for one in found.values()],
        hovertemplate="%{x}: %{y:.3f}<extra></extra>",
    )  # fmt: skip
    return figure


def stability(goal: Goal) -> go.Figure | None:
    """The share of each factor in what the model says, as time went on."""
    looks = goal["importance_over_time"]
    if len(looks) < 2 or goal["latest"] is None:
        return None
    titles = {one["factor"]: one["title"] for one in goal["latest"]["factors"]}
    last = looks[-1]["shares"]
    figure = _figure("", "share of what is said (%)", yaxis={"rangemode": "tozero"})
    figure.update_layout(legend={"y": -0.2, "yanchor": "top"}, height=420)
    for number, name in enumerate(sorted(last, key=lambda one: -last[one])[:MOST_LINES]):
        figure.add_scatter(
            x=[look["at"] for look in looks],
            y=[100 * look["shares"].get(name, 0.0) for look in looks],
            mode="lines", name=titles.get(name, name), line={"color": LINES[number % len(LINES)]},
            hovertemplate="%{y:.0f} %",
        )  # fmt: skip
    return figure
