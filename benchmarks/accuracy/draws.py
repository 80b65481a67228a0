"""How much of a figure is owed to the moments that happen to be judged.

A hash of the goal's name decides at which moment of its period a profile's ticket opens, so the
same question under another name is asked of the same profiles at other moments:

    pip install 'penchant[parquet,report]'
    python -m benchmarks.accuracy.draws examples/cdnow.yaml cdnow.jsonl 10

Prints each goal's AUC under its own name and under so many others, which are the same every time.
Goals whose tickets open at events have no such moment: they come to the same figure every time.
"""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import mean, stdev

from streams.cli.common import read_config
from streams.offline.figures import backtest
from streams.offline.layout import PLAIN


def main(config: str, events: str, draws: int) -> None:
    """Judge every goal of a configuration under its own name and under others."""
    names = list(read_config(config).goals)
    with ProcessPoolExecutor() as pool:
        own, *drawn = pool.map(partial(judged, config, events), range(draws + 1))
    print(f"{'goal':12} {'its own':>8} {'mean':>8} {'s.d.':>8} {'least':>8} {'most':>8}")
    for place, name in enumerate(names):
        found = [aucs[place] for aucs in drawn]
        figures = own[place], mean(found), stdev(found), min(found), max(found)
        print(f"{name:12}" + "".join(f" {figure:8.4f}" for figure in figures))


def judged(config: str, events: str, draw: int) -> list[float]:
    """The AUCs of all goals under the names of a draw; draw 0 has their own."""
    known = read_config(config)
    goals = {f"{name}_{draw}" if draw else name: goal for name, goal in known.goals.items()}
    renamed = known.model_copy(update={"goals": goals})
    with tempfile.TemporaryDirectory() as folder:
        report = backtest(renamed, events, Path(folder), PLAIN, lambda *_: None)
    return [report["goals"][name]["evaluation"]["auc"] for name in goals]


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python -m benchmarks.accuracy.draws CONFIG EVENTS DRAWS")
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
