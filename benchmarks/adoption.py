"""From a snapshot of a model to the first score that it makes, in a worker that learns.

``python -m benchmarks.adoption [EVENTS_A_SECOND] [SECONDS]`` sends events steadily to a worker on
Apache Kafka that starts without a model, so that its trainers learn and publish all the while. For
each version of each model: milliseconds from its record in the topic of models to the first score
of that version, by the times that their producers gave them. Prints percentiles, and writes them
beside their aim.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from benchmarks.aims import Row, tell
from benchmarks.latency import paced
from benchmarks.throughput.load import CONFIG, START, events
from streams.settings import Settings
from tests.support.apache import apache_kafka
from tests.support.cluster import Cluster

PARTITIONS = 4
#: Few enough, and event time passing so fast, that tickets close with every event.
PROFILES, PACE = 400, 3_000.0
RATE, SECONDS = 500.0, 60.0

#: A goal and the version of its model.
Version = tuple[str, int]


def first_times(
    cluster: Cluster, topic: str, version_of: Callable[[dict[str, Any]], Version]
) -> dict[Version, int]:
    """For each version, the time of the first record that says it, milliseconds."""
    found: dict[Version, int] = {}
    for record in cluster.read(topic):
        if record.value is not None:
            version = version_of(orjson.loads(record.value))
            found[version] = min(record.timestamp, found.get(version, record.timestamp))
    return found


def waits(cluster: Cluster) -> list[int]:
    """Milliseconds of every version that a score was made with."""
    models = first_times(
        cluster, cluster.topics.models, lambda said: (said["goal"], said["version"])
    )
    scores = first_times(
        cluster, cluster.topics.scores, lambda said: (said["goal"], said["model_version"])
    )
    return [scores[version] - at for version, at in models.items() if version in scores]


def run(rate: float, seconds: float) -> list[int]:
    """Milliseconds from snapshot to first use, of each version."""
    with tempfile.TemporaryDirectory() as folder, apache_kafka(Path(folder) / "kafka") as broker:
        settings = Settings(brokers=broker.address, prefix="adoption", partitions=PARTITIONS)
        cluster = Cluster(settings, Path(folder) / "adoption")
        cluster.folder.mkdir()
        cluster.create_topics()
        worker = cluster.worker(CONFIG, session_timeout="20").start().wait_ready()
        try:
            many = int(rate * seconds)  # none is in the future
            log = events(many, PROFILES, start=START - many * PACE, pace=PACE)
            asyncio.run(paced(cluster, log, rate))
            time.sleep(5.0)
        finally:
            worker.stop()
        found = waits(cluster)
    print(f"{len(found)} versions: {percentiles(found)} ms at p50, p99 and most")
    return found


def percentiles(found: list[int]) -> str:
    """Of what was waited, in words."""
    return " / ".join(f"{one:,.0f}" for one in np.percentile(found, (50, 99, 100)))


def rows_of(found: list[int], rate: float, seconds: float) -> list[Row]:
    """What was found beside what was asked for."""
    return [
        Row("P8, snapshot", f"snapshot to first use in a scorer, {rate:,.0f} events/s, "
            f"{len(found)} versions, p50 / p99 / most", "1,000 ms", f"{percentiles(found)} ms",
            max(found) <= 1_000, f"python -m benchmarks.adoption {rate:.0f} {seconds:.0f}"),
    ]  # fmt: skip


def main() -> None:
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else RATE
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    tell(rows_of(run(rate, seconds), rate, seconds))


if __name__ == "__main__":
    main()
