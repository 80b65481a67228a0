"""Figures of throughput as pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure

from streams.report.palette import BLUE, GREY, LINES

PICTURES = Path("docs/pictures")
#: Contender -> events a second of each round.
Rates = Mapping[str, Sequence[float]]


def draw_rates(found: Mapping[str, Rates], note: str, path: Path) -> None:
    """Write bars of medians, with the least and the most of the rounds, a column for each load."""
    names = list(next(iter(found.values())))
    figure = Figure(figsize=(11, 0.45 * len(names) + 1.3), facecolor="white", layout="constrained")
    columns = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
    for axes, (load, rates) in zip(columns, found.items(), strict=True):
        middle = [median(rates[name]) for name in names]
        spread = [
            [one - min(rates[name]) for one, name in zip(middle, names, strict=True)],
            [max(rates[name]) - one for one, name in zip(middle, names, strict=True)],
        ]
        colours = [BLUE if name.startswith("Penchant") else GREY for name in names]
        axes.barh(names, middle, xerr=spread, color=colours, ecolor="#333", capsize=2)
        for place, one in enumerate(middle):
            most = one + spread[1][place]
            axes.text(most, place, f"  {one:,.0f}", va="center", fontsize=8, color="#333")
        axes.set_title(f"{load}, events a second", fontsize=10)
        axes.set_xlim(0, max(max(rates[name]) for name in names) * 1.2)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    columns[0].invert_yaxis()  # which all share
    figure.supxlabel(note, fontsize=7.5, color=GREY)
    figure.savefig(path, dpi=110)


def draw_shares(found: Mapping[str, float], path: Path) -> None:
    """Write one stacked bar of shares."""
    figure = Figure(figsize=(11, 1.9), facecolor="white", layout="constrained")
    axes = figure.subplots()
    start = 0.0
    for number, (part, share) in enumerate(found.items()):
        colour, again = LINES[number % len(LINES)], number >= len(LINES)
        axes.barh(0, share, left=start, color=colour, edgecolor="white", label=part,
                  hatch="//" if again else None)  # fmt: skip
        if share >= 0.03:
            axes.text(start + share / 2, 0, f"{share:.0%}", ha="center", va="center", fontsize=8)
        start += share
    axes.set_axis_off()
    axes.set_xlim(0, start)
    figure.legend(loc="outside lower center", ncols=5, fontsize=8, frameon=False)
    figure.savefig(path, dpi=110)
