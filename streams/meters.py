"""Metrics that are declared in one line, and known by that line to the reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

PREFIX = "penchant_"
Type = Literal["counter", "gauge", "histogram", "info"]


class Described(NamedTuple):
    """A metric as it is declared.

    Parameters
    ----------
    name
        Of its samples, but for what a histogram adds.
    type
        What it is.
    unit
        Of its value; empty for a number of things.
    labels
        What it is told apart by; each takes few values.
    about
        What it means.
    """

    name: str
    type: Type
    unit: str
    labels: tuple[str, ...]
    about: str


class Spread(Collector):
    """A histogram that takes many values at once.

    Parameters
    ----------
    registry
        Where it is registered.
    about
        What it is.
    buckets
        Upper bounds, rising.
    """

    def __init__(
        self, registry: CollectorRegistry, about: Described, buckets: Sequence[float]
    ) -> None:
        self._about = about
        self._bounds = np.array(buckets)
        self._counts: npt.NDArray[np.int64] = np.zeros(len(buckets) + 1, dtype=np.int64)
        self._sum = 0.0
        registry.register(self)

    def observe_many(self, values: npt.NDArray[np.float64]) -> None:
        """Count values."""
        places = np.searchsorted(self._bounds, values, side="left")
        self._counts += np.bincount(places, minlength=len(self._counts))
        self._sum += float(values.sum())

    def describe(self) -> Iterator[Metric]:
        """Its name, for the registry."""
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        """Its buckets, each with all below it."""
        bounds = [*map(str, self._bounds.tolist()), "+Inf"]
        up_to = np.cumsum(self._counts).tolist()
        yield HistogramMetricFamily(
            self._about.name, self._about.about, buckets=list(zip(bounds, up_to, strict=True)),
            sum_value=self._sum, unit=self._about.unit,
        )  # fmt: skip


class Meters:
    """Declares metrics in a registry and remembers what was declared.

    Parameters
    ----------
    registry
        Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.described: list[Described] = []

    def counter(self, name: str, about: str, *labels: str, unit: str = "") -> Counter:
        """What only grows; ``_total`` is added to its name."""
        described = self._describe(f"{name}_total", "counter", unit, labels, about)
        return Counter(
            described.name.removesuffix("_total"), about, labels, unit=unit, registry=self.registry
        )

    def gauge(self, name: str, about: str, *labels: str, unit: str = "") -> Gauge:
        """What goes up and down."""
        described = self._describe(name, "gauge", unit, labels, about)
        return Gauge(described.name, about, labels, unit=unit, registry=self.registry)

    def histogram(
        self, name: str, about: str, *labels: str, buckets: Sequence[float], unit: str = ""
    ) -> Histogram:
        """How values spread."""
        described = self._describe(name, "histogram", unit, labels, about)
        return Histogram(
            described.name, about, labels, unit=unit, buckets=buckets, registry=self.registry
        )

    def spread(self, name: str, about: str, *, buckets: Sequence[float], unit: str = "") -> Spread:
        """How values spread of which many come at once."""
        return Spread(self.registry, self._describe(name, "histogram", unit, (), about), buckets)

    def info(self, name: str, about: str, *labels: str) -> Info:
        """What does not change: 1, with labels that say what."""
        described = self._describe(f"{name}_info", "info", "", labels, about)
        return Info(described.name.removesuffix("_info"), about, registry=self.registry)

    def _describe(
        self, name: str, kind: Type, unit: str, labels: tuple[str, ...], about: str
    ) -> Described:
        described = Described(PREFIX + name, kind, unit, labels, about)
        self.described.append(described)
        return described
