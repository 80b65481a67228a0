"""The evaluation of a goal over its tickets, each with what was said of it at its T0.

Figures are over the second half of the labelled tickets by T0; what is shown over time is over all
of them. Everything is counted in sums, so the number of tickets does not matter.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.events.times import format_time
from models.quality.tally import FINE_BINS, FINE_SPAN, Labels, Tally

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

#: Stretches of time that are told apart, at most.
PERIODS = 24
BUCKETS = ("low", "medium", "high")
EDGES = (25.0, 75.0)
SCORE_BINS = 20


class Judged(NamedTuple):
    """Labelled tickets, in the order of T0; NaN where nothing was said.

    Parameters
    ----------
    t0
        Milliseconds.
    label
        0 or 1.
    probability, score
        What the model said.
    base_rate, recency
        What the baselines said.
    """

    t0: Int64
    label: Int64
    probability: Float64
    score: Float64
    base_rate: Float64
    recency: Float64

    def where(self, chosen: npt.NDArray[np.bool_]) -> Judged:
        """Those that a mask chooses."""
        times, labels, *said = self
        return Judged(times[chosen], labels[chosen], *(part[chosen] for part in said))


class Evaluation:
    """Sums over the tickets of a goal.

    Parameters
    ----------
    labelled
        How many labelled tickets there are; the second half of them is judged.
    first, last
        Their earliest and latest T0, milliseconds.

    Examples
    --------
    >>> evaluation = Evaluation(labelled=4, first=0, last=3000)
    >>> half, labels = np.full(4, 0.5), np.array([1, 0, 0, 1])
    >>> said = np.array([0.9, 0.1, 0.2, 0.8])
    >>> evaluation.add(Judged(np.arange(4) * 1000, labels, said, said * 100, half, half))
    >>> evaluation.model.labels, evaluation.model.auc
    (2, 1.0)
    """

    def __init__(self, labelled: int, first: int, last: int) -> None:
        self._skip = labelled // 2
        self._first = first
        self._period = max((last - first) // PERIODS + 1, 1)
        self._seen = 0
        self.model, self.base_rate, self.recency = (
            Tally(FINE_BINS, FINE_SPAN) for _ in range(3)
        )  # fmt: skip
        self._over_time = [Tally(2_048, 16.0) for _ in range(PERIODS)]
        #: Period x bucket x (labels, positives, sum of probabilities).
        self._buckets = np.zeros((PERIODS, len(BUCKETS), 3))
        self._scores = np.zeros((2, SCORE_BINS), dtype=np.int64)

    def add(self, tickets: Judged) -> None:
        """Count tickets, the next in order."""
        later = np.arange(len(tickets.t0)) + self._seen >= self._skip
        self._seen += len(tickets.t0)
        said = ~np.isnan(tickets.probability)
        self._count_over_time(tickets.where(said))
        judged = tickets.where(said & later)
        for tally, probabilities in (
            (self.model, judged.probability),
            (self.base_rate, judged.base_rate),
            (self.recency, judged.recency),
        ):
            tally.add_many(Labels.of(probabilities, judged.label))
        bins = np.clip(judged.score * (SCORE_BINS / 100.0), 0, SCORE_BINS - 1).astype(np.intp)
        np.add.at(self._scores, (judged.label, bins), 1)

    def _count_over_time(self, tickets: Judged) -> None:
        periods = (tickets.t0 - self._first) // self._period
        labels = Labels.of(tickets.probability, tickets.label)
        for period in np.unique(periods).tolist():
            self._over_time[period].add_many(labels.where(periods == period))
        buckets = np.digitize(tickets.score, EDGES)
        counted = np.column_stack((np.ones(len(periods)), tickets.label, tickets.probability))
        np.add.at(self._buckets, (periods, buckets), counted)

    def figures(self) -> dict[str, Any]:
        """Everything as plain JSON."""
        return {
            "evaluation": self.model.figures(),
            "baselines": {
                "base_rate": self.base_rate.figures(),
                "recency": self.recency.figures(),
            },
            "deciles": self.model.groups().rows() if self.model.labels else [],
            "reliability": self.model.groups(20).rows() if self.model.labels else [],
            "scores": {"negative": self._scores[0].tolist(), "positive": self._scores[1].tolist()},
            "over_time": [
                self._period_of(number)
                for number in range(PERIODS)
                if self._over_time[number].labels
            ],
        }

    def _period_of(self, number: int) -> dict[str, Any]:
        start = self._first + number * self._period
        return {
            "start": format_time(start),
            "end": format_time(start + self._period),
            **self._over_time[number].figures(),
            "buckets": {
                name: {"tickets": int(labels), "expected": said / labels, "actual": came / labels}
                for name, (labels, came, said) in zip(
                    BUCKETS, self._buckets[number].tolist(), strict=True
                )
                if labels
            },
        }
