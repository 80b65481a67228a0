"""Labels a second that a trainer's learner takes, by the number of weights.

``python -m benchmarks.trainer``; rows are as dense as those of a real goal are.
"""

from __future__ import annotations

import time

import numpy as np

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


if __name__ == "__main__":
    for size in (50, 111, 200, 400):
        print(f"{size} weights: {labels_per_second(size):,.0f} labels/s")
