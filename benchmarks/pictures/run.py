"""``make pictures``: the dashboards as pictures, from a real Prometheus beside real workers.

Two workers on Apache Kafka live the first months of the demo's year; some records are no events,
and one worker is killed and comes back. Prometheus scrapes them, with our rules in a hurry (a
second is a minute to them). Every panel's own queries are asked of it and drawn. Grafana has no
part in it.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from shutil import which

from benchmarks.pictures.asked import lines_of
from benchmarks.pictures.draw import draw
from streams.demo.journey import read_journey
from streams.reference.dashboards import PAGES
from streams.settings import Settings
from tests.support.apache import apache_kafka
from tests.support.cluster import Cluster, Worker, keyed
from tests.support.prometheus import Prometheus, prometheus

EVENTS, SECONDS = 60_000, 150.0
OUT = Path(__file__).parents[2] / "docs" / "pictures"


def main() -> int:
    binary = which("prometheus")
    if binary is None:
        sys.stderr.write("prometheus is not installed: the Debian package `prometheus` has it\n")
        return 1
    with tempfile.TemporaryDirectory() as name, apache_kafka(Path(name) / "kafka") as broker:
        settings = Settings(brokers=broker.address, partitions=4)
        cluster = Cluster(settings, Path(name)).create_topics()
        goals = (resources.files("streams.demo") / "goals.yaml").read_text(encoding="utf-8")
        workers = [cluster.worker(goals).start() for _ in range(2)]
        try:
            for worker in workers:
                worker.wait_ready()
            targets = [f"127.0.0.1:{worker.port}" for worker in workers]
            with prometheus(binary, Path(name) / "prometheus", targets, 1000) as server:
                end = live(cluster, workers)
                write(server, end, {one: f"worker {n}" for n, one in enumerate(targets, 1)})
        finally:
            cluster.stop()
    return 0


def live(cluster: Cluster, workers: list[Worker]) -> float:
    """A few months in a few minutes, with what happens in months; when the last event was sent."""
    sending = threading.Thread(target=lambda: cluster.send(
        keyed(itertools.islice(read_journey(), EVENTS)), pause=SECONDS / EVENTS))  # fmt: skip
    sending.start()
    time.sleep(SECONDS * 0.4)
    cluster.send(((b"household-%d" % number, b"{") for number in range(300)), pause=0.02)
    time.sleep(SECONDS * 0.2)
    workers[1].kill()
    time.sleep(12)
    workers[1].start().wait_ready()
    sending.join()
    return time.time()


def write(server: Prometheus, end: float, workers: dict[str, str]) -> None:
    """Draw every page."""
    OUT.mkdir(parents=True, exist_ok=True)
    day = datetime.now(UTC).date()
    note = (f"Drawn by `make pictures` with matplotlib from the dashboard's own queries, asked of "
            f"a real Prometheus beside two workers on Apache Kafka, {day}.\n"
            f"Grafana had no part in it. {EVENTS:,} events of the demo's year in "
            f"{end - server.started:.0f} s; one worker is killed on the way. "
            "To the rules a second is a minute.")  # fmt: skip
    for name, page in PAGES.items():
        path = OUT / f"{name}.png"
        draw(page, lambda panel: lines_of(server, panel, end, workers), note, path)
        sys.stdout.write(f"written: {path.relative_to(OUT.parents[1])}\n")


if __name__ == "__main__":
    sys.exit(main())
