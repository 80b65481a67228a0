"""Labels a second that a trainer's learner takes, by the number of weights.

``python -m benchmarks.trainer``; rows are as dense as those of a real goal are.
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks.aims import Row, tell
from models.learning.logistic import BayesianLogisticRegression

LABELS = 4_000


def labels_per_second(weights: int, rounds: int = 5) -> float:
    """The best of several rounds: other work on the machine only makes it slower."""
    draw = np.random.default_rng(1)
    rows = np.clip(draw.normal(size=(LABELS, weights)), -4, 4)
    rows[:, 0] = 1.0
    labels = (draw.random(LABELS) < 0.2).astype(int).tolist()
    best = 0.0
    for _ in range(rounds):
        learner = BayesianLogisticRegression()
        learner.extend([f"f{number}" for number in range(weights - 1)])
        started = time.perf_counter()
        for row, label in zip(rows, labels, strict=True):
            learner.learn_row(row, label)
        best = max(best, LABELS / (time.perf_counter() - started))
    return best


def rows_of(found: dict[int, float]) -> list[Row]:
    """What was found beside what was asked for."""
    aims = {50: 10_000, 200: 3_000, 400: 500}
    return [
        Row("P8, learner", "labels a second with 50, 200, 400 weights", "10,000; 3,000; 500",
            "; ".join(f"{found[size]:,.0f}" for size in aims),
            all(found[size] >= aim for size, aim in aims.items()), "python -m benchmarks.trainer"),
    ]  # fmt: skip


def run() -> dict[int, float]:
    """Labels a second, by the number of weights."""
    return {size: labels_per_second(size) for size in (50, 111, 200, 400)}


def main() -> None:
    found = run()
    for size, rate in found.items():
        print(f"{size} weights: {rate:,.0f} labels/s")
    tell(rows_of(found))


if __name__ == "__main__":
    main()
