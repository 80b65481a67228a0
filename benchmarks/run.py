"""Everything that is measured against an aim, one part after the other: ``make bench``.

``python -m benchmarks.run [PART ...]`` runs the parts that are named, or all of them, on Apache
Kafka, and writes the table of aims in benchmarks/RESULTS.md; a part that is left out keeps what it
said last. Nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from benchmarks import adoption, backtest, households, latency, scale, spread, trainer
from benchmarks.aims import Row, tell
from benchmarks.throughput import run as throughput

EVENTS, ROUNDS = 100_000, 5
Part = Callable[[], list[Row]]


def parts_of(events: int, rounds: int) -> Mapping[str, Part]:
    """Name -> what runs a part; the first two numbers are of throughput alone."""
    return {
        "throughput": lambda: throughput.rows_of(throughput.run(events, rounds), events, rounds),
        "scale": lambda: scale.rows_of(scale.run(scale.SIZES)),
        "households": lambda: households.rows_of(households.run(scale.SIZES)),
        "latency": latency_rows,
        "spread": lambda: spread.rows_of(
            spread.run(spread.NUMBER, spread.ROUNDS), spread.NUMBER, spread.ROUNDS
        ),
        "trainer": lambda: trainer.rows_of(trainer.run()),
        "adoption": lambda: adoption.rows_of(
            adoption.run(adoption.RATE, adoption.SECONDS), adoption.RATE, adoption.SECONDS
        ),
        "backtest": lambda: backtest.rows_of(backtest.run(backtest.ROUNDS), backtest.ROUNDS),
    }


def latency_rows() -> list[Row]:
    """From event to score at the load that keeps half of the machine busy."""
    rate, figures = latency.run(None, latency.SECONDS)
    return latency.rows_of(figures, rate)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("part", nargs="*", help=f"of {', '.join(parts_of(0, 0))}; all if none")
    options.add_argument("--events", type=int, default=EVENTS, help="of throughput")
    options.add_argument("--rounds", type=int, default=ROUNDS, help="of throughput")
    given = options.parse_args()
    parts = parts_of(given.events, given.rounds)
    if unknown := set(given.part) - parts.keys():
        options.error(f"no part {', '.join(sorted(unknown))}")
    for name in given.part or parts:
        print(f"-- {name}", flush=True)
        tell(parts[name]())  # at once: what comes later may fail


if __name__ == "__main__":
    main()
