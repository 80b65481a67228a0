"""Who is in each bucket: which factors put them there, and with which values.

Factors are told by the mean of their contributions in a bucket; coverage is the share of its
profiles that would be told of the factor at all. Values are shown for the feature that says most
inside the factor, in the same bins for every bucket, so that buckets can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from models.learning.transform import base_features
from models.profiles.features import Float64, Int, RawFeatures
from models.scoring.compiled import probability
from models.scoring.factors import LEAST
from models.scoring.phrases import amount
from models.scoring.readings import FLAG, SHARE, Reading, factor_title, readings_of
from models.scoring.scorer import Scorer

BUCKETS = ("low", "medium", "high")
EDGES = (25.0, 75.0)
#: Bins in which values are counted.
VALUE_BINS = 6
MOST_FACTORS = 10


class Portrait:
    """The buckets of a goal at a moment.

    Parameters
    ----------
    scorer
        The goal's scorer.
    titles
        What people call the user's own events, by source.
    raw
        Raw features of the profiles to look at.
    """

    def __init__(self, scorer: Scorer, titles: Mapping[str, str], raw: RawFeatures) -> None:
        model, self._factors = scorer.model, scorer.factors
        self._titles = titles
        self._readings = readings_of(model.layout, titles)
        self._values = base_features(model.layout, raw)
        terms = model.terms(self._values)
        self.scores = 100.0 * probability(model.logits(terms) - model.base_logit)
        self._shares = model.shares(terms)
        self._sums: Float64 = self._shares @ self._factors.members
        self._bucket: Int = np.digitize(self.scores, EDGES)

    def buckets(self) -> list[dict[str, Any]]:
        """Size and strongest factors of each bucket, as plain JSON."""
        return [self._of_bucket(number, name) for number, name in enumerate(BUCKETS)]

    def _of_bucket(self, number: int, name: str) -> dict[str, Any]:
        inside = self._bucket == number
        profiles = int(inside.sum())
        factors: list[dict[str, Any]] = []
        if profiles:
            sums = self._sums[inside]
            means = sums.mean(axis=0)
            coverage = (np.abs(sums) >= LEAST).mean(axis=0)
            order = np.argsort(-np.abs(means), kind="stable")
            factors = [
                {
                    "factor": self._factors.names[place],
                    "contribution": float(means[place]),
                    "coverage": float(coverage[place]),
                }
                for place in order[:MOST_FACTORS].tolist()
                if coverage[place] > 0.0  # nobody would be told of it
            ]
        return {"bucket": name, "profiles": profiles, "factors": factors}

    def factors(self) -> list[dict[str, Any]]:
        """Every factor with the distribution of its values in each bucket, most important first."""
        sizes = np.abs(self._sums).mean(axis=0) if len(self._sums) else np.zeros(0)
        return [self._of_factor(place, sizes) for place in np.argsort(-sizes, kind="stable")]

    def _of_factor(self, place: int, sizes: Float64) -> dict[str, Any]:
        members = np.flatnonzero(self._factors.of_feature == place)
        telling = int(members[np.argmax(np.abs(self._shares[:, members]).mean(axis=0))])
        reading = self._readings[telling]
        values = reading.convert(np.nan_to_num(self._values[:, telling]))
        edges = edges_of(values, reading)
        bins = np.digitize(values, edges[1:-1]) if len(edges) > 1 else np.zeros(len(values), int)
        name = self._factors.names[place]
        counts = [
            np.bincount(bins[self._bucket == number], minlength=max(len(edges) - 1, 1))
            for number in range(len(BUCKETS))
        ]
        return {
            "factor": name,
            "title": factor_title(name, self._titles),
            "importance": float(sizes[place]),
            "feature": reading.title,
            "bins": labels_of(edges, reading),
            "counts": {bucket: counts[n].tolist() for n, bucket in enumerate(BUCKETS)},
        }


def edges_of(values: Float64, reading: Reading) -> Float64:
    """Edges of bins that share the values out about evenly, at numbers that read well.

    Where many have the least value, such as none at all, they are a bin of their own and the others
    are shared out: else they would be in all quantiles, and the bins would tell nothing.

    Examples
    --------
    >>> bare = Reading("Coupons", "", np.expm1)
    >>> edges_of(np.arange(100.0), bare).tolist()
    [0.0, 16.0, 33.0, 50.0, 66.0, 82.0, 99.0]
    >>> edges_of(np.array([0.0] * 90 + [1, 2, 3, 4, 5, 6]), bare).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    """
    if reading.unit == FLAG:
        return np.array([0.0, 0.5, 1.0])
    if not len(values):
        return np.zeros(0)
    digits = 2 if reading.unit == SHARE else 1
    crowd = values.round(digits) == values.min().round(digits)
    crowded = not crowd.all() and crowd.mean() >= 1.0 / VALUE_BINS
    shared_out = values[~crowd] if crowded else values
    places = np.linspace(0.0, 1.0, VALUE_BINS + (not crowded))
    found = np.quantile(shared_out, places).tolist()
    if crowded:
        found = [float(values.min()), *found]
    by_label = {_shown(edge, reading): edge for edge in (float(f"{one:.2g}") for one in found)}
    return np.unique(list(by_label.values()))


def labels_of(edges: Float64, reading: Reading) -> list[str]:
    """What the bins are called.

    Examples
    --------
    >>> labels_of(np.array([0.0, 0.5, 3.0]), Reading("Recency", "days", np.expm1))
    ['to 0.5 days', '0.5 days and more']
    """
    if reading.unit == FLAG:
        return ["no", "yes"]
    unit = f" {reading.unit}" if reading.unit and reading.unit != SHARE else ""
    shown = [_shown(edge, reading) for edge in edges.tolist()]
    if len(shown) < 2:
        return [f"{one}{unit}" for one in shown] or ["none"]
    first = f"to {shown[1]}{unit}" if len(shown) > 2 else f"{shown[0]} to {shown[1]}{unit}"
    between = [f"{low} to {high}{unit}" for low, high in pairwise(shown[1:-1])]
    last = [f"{shown[-2]}{unit} and more"] if len(shown) > 2 else []
    return [first, *between, *last]


def _shown(edge: float, reading: Reading) -> str:
    return f"{edge:.0%}" if reading.unit == SHARE else amount(edge)
