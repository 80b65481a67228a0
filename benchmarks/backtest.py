"""Events a second of a backtest: the Complete Journey's year, three goals, learning, a report.

``python -m benchmarks.backtest [ROUNDS]`` runs ``penchant backtest`` over the log as it is
published, an event for every line of a basket, and over the same year with an event for every
basket, alternately; takes events a second as it says them, and writes what was found beside its
aim.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import orjson

from benchmarks.aims import Row, tell
from streams.processes import penchant

ROUNDS = 3
AIM = 40_000
#: What an event is -> the configuration, and how its events are made.
LOADS: dict[str, tuple[str, list[str]]] = {
    "line of a basket": ("examples/complete_journey_lines.yaml", ["--lines"]),
    "basket": ("examples/complete_journey.yaml", []),
}
Rates = dict[str, list[float]]


def made(folder: Path, options: list[str]) -> Path:
    """The file of events."""
    path = folder / f"events{''.join(options)}.jsonl"
    script = [sys.executable, "examples/complete_journey.py", str(path), *options]
    subprocess.run(script, check=True, capture_output=True)
    return path


def rate_of(config: str, events: Path, out: Path) -> float:
    """Events a second of a backtest."""
    command = penchant("backtest", config, str(events), "--out", str(out), "--json")
    said = subprocess.run(command, check=True, capture_output=True).stdout
    return float(orjson.loads(said)["events_per_second"])


def run(rounds: int) -> Rates:
    """Events a second of every round, by what an event is."""
    rates: Rates = {event: [] for event in LOADS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {event: made(folder, options) for event, (_, options) in LOADS.items()}
        for turn in range(rounds):
            for event, (config, _) in LOADS.items():
                rates[event].append(rate_of(config, files[event], folder / "out"))
                print(f"round {turn + 1}: {event} {rates[event][-1]:,.0f} events/s", flush=True)
    return rates


def rows_of(rates: Rates, rounds: int) -> list[Row]:
    """What was found beside what was asked for."""
    rows = []
    for event, found in rates.items():
        rate = statistics.median(found)
        figure = f"backtest of Complete Journey, three goals, an event is a {event}"
        said = f"{rate:,.0f} events/s ({min(found):,.0f} to {max(found):,.0f})"
        command = f"python -m benchmarks.backtest {rounds}"
        rows.append(Row(f"P9, {event}", figure, f"{AIM:,} events/s", said, rate >= AIM, command))
    return rows


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    tell(rows_of(run(rounds), rounds))


if __name__ == "__main__":
    main()
