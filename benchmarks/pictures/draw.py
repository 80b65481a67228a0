"""A dashboard as a picture: its panels where Grafana puts them, drawn with matplotlib."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import FuncFormatter
from PIL import Image

from benchmarks.pictures.asked import Line
from streams.reference.panels import WIDTH, Page, Panel
from streams.report.palette import GREEN, GREY, LINES, ORANGE, VERMILLION

#: Inches of a panel of lines, of numbers, of a heading.
TALL, SHORT, HEADING = 2.15, 1.0, 0.32
#: Series that a legend names; the rest is drawn all the same.
MOST_NAMED = 8
#: Panels that are words and not lines.
TOLD = ("number", "name")
TEXT = {"fontsize": 7.5, "color": "#333"}

Lines = Callable[[Panel], list[Line]]


def draw(page: Page, lines: Lines, note: str, path: Path) -> None:
    """Write a page as a PNG."""
    rows = list(_rows(page))
    heights = [HEADING if isinstance(row, str) else _height(row) for row in rows]
    figure = Figure(figsize=(14, sum(heights) + 0.5), facecolor="white")
    grid = GridSpec(
        len(rows), WIDTH, figure, height_ratios=heights, hspace=0.0, wspace=0.0,
        left=0.01, right=0.99, bottom=0.005, top=1 - 0.5 / (sum(heights) + 0.5),
    )  # fmt: skip
    figure.text(0.012, 0.996, page.title, va="top", fontsize=13, weight="bold", color="#222")
    figure.text(0.988, 0.995, note, va="top", ha="right", fontsize=7.5, color=GREY)
    for number, row in enumerate(rows):
        if isinstance(row, str):
            _heading(figure.add_subplot(grid[number, :]), row)
            continue
        column = 0
        for panel in row:
            cell = grid[number, column : column + panel.width]
            _panel(figure, cell, panel, lines(panel))
            column += panel.width
    image = io.BytesIO()
    figure.savefig(image, dpi=100)
    # A few colours with their shades are all there are.
    Image.open(image).convert("RGB").quantize(96).save(path, optimize=True)


def _rows(page: Page) -> Any:
    """Headings, and panels side by side as they fit."""
    for heading, panels in page.rows:
        yield heading
        row: list[Panel] = []
        for panel in panels:
            if sum(one.width for one in row) + panel.width > WIDTH:
                yield row
                row = []
            row.append(panel)
        yield row


def _height(row: list[Panel]) -> float:
    return SHORT if all(panel.kind in TOLD for panel in row) else TALL


def _heading(axes: Any, text: str) -> None:
    axes.axis("off")
    axes.text(0.0, 0.25, text, fontsize=9.5, weight="bold", color="#444")


def _panel(figure: Any, cell: Any, panel: Panel, lines: list[Line]) -> None:
    inner = cell.subgridspec(1, 1)
    axes = figure.add_subplot(inner[0])
    box = axes.get_position()
    width, height = box.width, box.height
    low = 0.10 if panel.kind in TOLD else 0.30
    axes.set_position((box.x0 + 0.025, box.y0 + low * height, width - 0.037,
                       height * (0.80 - low)))  # fmt: skip
    figure.text(box.x0 + 0.004, box.y0 + 0.94 * height, panel.title, va="top", weight="bold",
                **TEXT)  # fmt: skip
    _tell(axes, panel, lines) if panel.kind in TOLD else _plot(axes, panel, lines)


def _tell(axes: Any, panel: Panel, lines: list[Line]) -> None:
    axes.axis("off")
    several = len(lines) > 1
    for number, line in enumerate(lines):
        last = next((value for value in reversed(line.values) if math.isfinite(value)), math.nan)
        value = said(last, panel.unit)
        text = line.name if panel.kind == "name" else f"{line.name} {value}" if several else value
        axes.text(0.0, 0.9 - 0.36 * number, text, va="top", fontsize=9 if several else 17,
                  color=_colour(last, panel.bounds), transform=axes.transAxes)  # fmt: skip


def _colour(value: float, bounds: tuple[float, float] | None) -> str:
    if bounds is None:
        return "#222"
    warn, alarm = bounds
    sign = 1 if alarm >= warn else -1
    if sign * value >= sign * alarm:
        return VERMILLION
    return ORANGE if sign * value >= sign * warn else GREEN


def _plot(axes: Any, panel: Panel, lines: list[Line]) -> None:
    colours = [LINES[number % len(LINES)] for number in range(len(lines))]
    if panel.kind in ("stack", "share") and lines:
        _stack(axes, lines, colours, whole=panel.kind == "share")
    else:
        for line, colour in zip(lines, colours, strict=True):
            axes.plot(line.times, line.values, color=colour, linewidth=1.0)
    unit = "percentunit" if panel.kind == "share" else panel.unit
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: said(value, unit)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} s"))
    axes.tick_params(labelsize=6.5, length=2, colors="#555")
    axes.grid(color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if panel.bounds is not None:
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, panel.bounds[0]), max(high, panel.bounds[1]))
    handles = [axes.plot([], [], color=colour, linewidth=3)[0] for colour in colours[:MOST_NAMED]]
    names = [line.name or "all" for line in lines[:MOST_NAMED]]
    more = f"(and {len(lines) - MOST_NAMED} more)" if len(lines) > MOST_NAMED else None
    axes.legend(
        handles, names, loc="upper left", bbox_to_anchor=(-0.06, -0.14), ncols=3, fontsize=6,
        frameon=False, handlelength=0.8, columnspacing=1.0, labelspacing=0.2, title=more,
        title_fontsize=6, alignment="left",
    )  # fmt: skip


def _stack(axes: Any, lines: list[Line], colours: list[str], *, whole: bool) -> None:
    times = sorted({at for line in lines for at in line.times})
    columns = [dict(zip(line.times, line.values, strict=True)) for line in lines]
    heights = [[_finite(column.get(at, 0.0)) for at in times] for column in columns]
    if whole:
        sums = [sum(at) or 1.0 for at in zip(*heights, strict=True)]
        heights = [[one / total for one, total in zip(row, sums, strict=True)] for row in heights]
    axes.stackplot(times, *heights, colors=colours, alpha=0.65, linewidth=0)


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def said(value: float, unit: str) -> str:
    """A value with its unit, short.

    Examples
    --------
    >>> said(0.25, "percentunit"), said(1234.0, "eps"), said(0.012, "s"), said(98e6, "s")
    ('25%', '1.23 K/s', '12 ms', '3.1 years')
    """
    if not math.isfinite(value):
        return "-"
    if unit == "percentunit":
        return f"{value * 100:.3g}%"
    if unit == "eps":
        return f"{said(value, 'short')}/s"
    if unit == "s":
        return _seconds(value)
    for size, word in ((1e9, " G"), (1e6, " M"), (1e3, " K")):
        if abs(value) >= size:
            return f"{value / size:.3g}{word}"
    return f"{value:.3g}"


def _seconds(value: float) -> str:
    units = ((31_557_600, "years"), (86_400, "days"), (3_600, "h"), (60, "min"), (1, "s"))
    for size, word in units:
        if abs(value) >= size:
            return f"{value / size:.2g} {word}"
    return f"{value * 1000:.3g} ms"
