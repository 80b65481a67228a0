"""The queries of a dashboard's panels, asked of a Prometheus."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from streams.reference.panels import Panel
from tests.support.prometheus import Prometheus


class Line(NamedTuple):
    """A series: what Grafana would call it, when, and how much."""

    name: str
    times: list[float]
    values: list[float]


def lines_of(server: Prometheus, panel: Panel, end: float, workers: dict[str, str]) -> list[Line]:
    """Every series of a panel from the start of Prometheus on, times in seconds from there.

    Parameters
    ----------
    server, panel
        Whom, and what.
    end
        Epoch seconds.
    workers
        Address -> what the picture calls it.
    """
    found = []
    for expression, legend in panel.queries:
        query = expression.replace("$__rate_interval", "10s")
        query = re.sub(r"\$(worker|goal)", ".*", query)
        answer = server.get("query_range", query=query, start=server.started, end=end, step="1s")
        for series in answer["result"]:
            labels = {name: workers.get(value, value) for name, value in series["metric"].items()}
            points = [(at - server.started, float(value)) for at, value in series["values"]]
            found.append(Line(_name(legend, labels), *_with_gaps(points)))
    if panel.kind == "name":
        found = [line for line in found if line.times[-1] >= end - server.started - 1]
    return [line for line in found if any(math.isfinite(value) for value in line.values)]


def _name(legend: str, labels: dict[str, Any]) -> str:
    name = re.sub(r"{{(\w+)}}", lambda match: labels.get(match[1], ""), legend)
    return name or " ".join(labels.values())


def _with_gaps(points: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Times and values; a line is not drawn across what is missing."""
    times: list[float] = []
    values: list[float] = []
    for at, value in points:
        if times and at - times[-1] > 2.5:
            times.append(at - 1)
            values.append(math.nan)
        times.append(at)
        values.append(value)
    return times, values
