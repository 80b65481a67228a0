"""Grafana dashboards from plain descriptions, by Grafana's own library.

A development dependency: dashboards are generated and committed, nobody builds them at run time.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from grafana_foundation_sdk.builders.common import StackingConfig, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    QueryVariable,
    Row,
    ThresholdsConfig,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.timeseries import Panel as Series
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    BigValueTextMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
WIDTH = 24
TALL, SHORT = 8, 4

Kind = Literal["line", "stack", "share", "number", "name"]
#: PromQL, and the legend of its series.
Query = tuple[str, str]


@dataclass(frozen=True)
class Panel:
    """A panel: one or more queries, told in a way.

    Parameters
    ----------
    title, about
        What is seen, and what it means.
    queries
        PromQL and the legend of its series.
    unit
        Grafana's name of the unit.
    kind
        Lines, stacked areas, areas that make a whole, a number, or the names of the series that are
        there now.
    bounds
        Values from which a number turns yellow and red; for a line the range of its axis.
    width
        Of 24.
    """

    title: str
    about: str
    queries: Sequence[Query]
    unit: str = "short"
    kind: Kind = "line"
    bounds: tuple[float, float] | None = None
    width: int = 8


@dataclass(frozen=True)
class Page:
    """A dashboard.

    Parameters
    ----------
    name, title, about
        Name of its file, and what it is about.
    variables
        Name, label and query of each choice at the top.
    rows
        Panels under their headings.
    """

    name: str
    title: str
    about: str
    variables: Sequence[tuple[str, str, str]]
    rows: Sequence[tuple[str, Sequence[Panel]]] = field(default_factory=tuple)


def render(page: Page) -> str:
    """A dashboard as Grafana reads it."""
    board = (
        Dashboard(page.title)
        .uid(f"penchant-{page.name}")
        .description(page.about)
        .tags(["penchant"])
        .readonly()
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("utc")
        .tooltip(DashboardCursorSync.CROSSHAIR)
    )
    for name, label, query in page.variables:
        board = board.with_variable(_variable(name, label, query))
    ids = itertools.count(1)
    for heading, panels in page.rows:
        board = board.with_row(Row(heading).id(next(ids)))
        for panel in panels:
            made = _number(panel) if panel.kind in ("number", "name") else _lines(panel)
            board = board.with_panel(made.id(next(ids)))
    return JSONEncoder(sort_keys=True, indent=2).encode(board.build()) + "\n"


def _variable(name: str, label: str, query: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .query(query)
        .datasource(SOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.NATURAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )


def _queries(panel: Panel) -> list[Dataquery]:
    queries = [
        Dataquery().expr(expr).legend_format(legend or "__auto").ref_id(chr(ord("A") + number))
        for number, (expr, legend) in enumerate(panel.queries)
    ]
    # A series that was there an hour ago is no name of now.
    return [query.instant() for query in queries] if panel.kind == "name" else queries


def _number(panel: Panel) -> Stat:
    built = (
        Stat()
        .title(panel.title)
        .description(panel.about)
        .datasource(SOURCE)
        .targets(list(_queries(panel)))
        .unit(panel.unit)
        .graph_mode(BigValueGraphMode.AREA)
        .span(panel.width)
        .height(SHORT)
    )
    if panel.kind == "name":
        return built.text_mode(BigValueTextMode.NAME).graph_mode(BigValueGraphMode.NONE)
    if panel.bounds is None:
        return built
    warn, alarm = panel.bounds
    steps = [(None, "green"), (warn, "yellow"), (alarm, "red")]
    if warn > alarm:  # the lower the worse
        steps = [(None, "red"), (alarm, "yellow"), (warn, "green")]
    return built.thresholds(
        ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=value, color=colour) for value, colour in steps])
    )


def _lines(panel: Panel) -> Series:
    built = (
        Series()
        .title(panel.title)
        .description(panel.about)
        .datasource(SOURCE)
        .targets(list(_queries(panel)))
        .unit(panel.unit)
        .show_points(VisibilityMode.NEVER)
        .legend(
            VizLegendOptions()
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.BOTTOM)
            .calcs(["lastNotNull", "max"])
            .show_legend(True)
        )
        .span(panel.width)
        .height(TALL)
    )
    if panel.bounds is not None:
        built = built.axis_soft_min(panel.bounds[0]).axis_soft_max(panel.bounds[1])
    if panel.kind in ("stack", "share"):
        mode = StackingMode.NORMAL if panel.kind == "stack" else StackingMode.PERCENT
        built = built.stacking(StackingConfig().mode(mode).group("A")).fill_opacity(40)
    return built
