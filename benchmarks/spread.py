"""What an event costs when the work is spread: over two workers, over 4, 16 and 64 partitions.

``python -m benchmarks.spread [EVENTS] [ROUNDS]`` sends the same events to workers that wait for
them on Apache Kafka, one arrangement after the other in every round, and takes the CPU of all their
processes from the first event to the last, after some that are not counted. Prints a table of
medians, and writes them beside their aims.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.aims import Row, tell
from benchmarks.scale import shown
from benchmarks.throughput.load import CONFIG, events, snapshots
from streams.settings import Settings
from tests.support.apache import apache_kafka
from tests.support.cluster import Cluster, Worker, cpu_seconds, until
from tests.support.left import handled

PROFILES = 200_000
PATIENCE = 600.0
NUMBER, ROUNDS = 60_000, 5
#: Events before any that count: the first transaction of a partition has its producer connect and
#: ask for metadata, which costs once what it costs.
WARM_UP = 20_000


class Arrangement(NamedTuple):
    """How many workers share how many partitions."""

    workers: int
    partitions: int


ARRANGEMENTS = [Arrangement(1, 4), Arrangement(2, 4), Arrangement(1, 16), Arrangement(1, 64)]


def measured(folder: Path, broker: str, arrangement: Arrangement, number: int, turn: int) -> float:
    """Microseconds of CPU an event."""
    prefix = f"spread{arrangement.workers}x{arrangement.partitions}x{turn}"
    settings = Settings(brokers=broker, prefix=prefix, partitions=arrangement.partitions)
    cluster = Cluster(settings, folder / prefix)
    cluster.folder.mkdir()
    cluster.create_topics()
    cluster.send(snapshots(), cluster.topics.models)
    try:
        workers = [
            cluster.worker(CONFIG, session_timeout="30").start() for _ in range(arrangement.workers)
        ]
        for worker in workers:
            worker.wait_ready()
        until(lambda: shared(workers, arrangement.partitions), "a share for each", PATIENCE)
        log = events(WARM_UP + number, PROFILES)
        cluster.send(itertools.islice(log, WARM_UP))
        until(lambda: handled(*workers) >= WARM_UP, "the first events", PATIENCE)
        before = sum(map(cpu, workers))
        cluster.send(log)
        until(lambda: handled(*workers) >= WARM_UP + number, "all events", PATIENCE)
        return (sum(map(cpu, workers)) - before) / number * 1e6
    finally:
        cluster.stop()


def cpu(worker: Worker) -> float:
    """Seconds of CPU that a worker's process has taken."""
    return cpu_seconds(worker.metrics())


def shared(workers: list[Worker], partitions: int) -> bool:
    """Whether every worker has its share of the partitions."""
    held = [shown(one, "penchant_partitions_assigned/") for one in workers]
    return all(held) and sum(held) >= partitions


def table(found: dict[Arrangement, list[float]]) -> str:
    alone = statistics.median(found[ARRANGEMENTS[0]])
    lines = [
        "| workers | partitions | CPU us an event, median (least to most) | beside one with four |",
        "| ---: | ---: | --- | ---: |",
    ]
    for arrangement, costs in found.items():
        cost = statistics.median(costs)
        lines.append(
            f"| {arrangement.workers} | {arrangement.partitions} | {cost:,.0f} "
            f"({min(costs):,.0f} to {max(costs):,.0f}) | {cost / alone:.2f} x |"
        )
    return "\n".join(lines)


def run(number: int, rounds: int) -> dict[Arrangement, list[float]]:
    """What an event costs in each arrangement, in every round."""
    found: dict[Arrangement, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, apache_kafka(Path(folder) / "kafka") as broker:
        for turn in range(rounds):
            for one in ARRANGEMENTS:
                cost = measured(Path(folder), broker.address, one, number, turn)
                found.setdefault(one, []).append(cost)
                print(f"round {turn + 1}: {one} {cost:.0f} us", flush=True)
    return found


def rows_of(found: dict[Arrangement, list[float]], number: int, rounds: int) -> list[Row]:
    """What was found beside what was asked for."""
    alone, *others = (statistics.median(found[one]) for one in ARRANGEMENTS)
    two, sixteen, many = (cost / alone for cost in others)
    command = f"python -m benchmarks.spread {number} {rounds}"
    return [
        Row("P7, workers", "CPU an event, two workers beside one", "1.1 x", f"{two:.2f} x",
            two <= 1.1, command),
        Row("P7, partitions", "16 and 64 partitions beside 4", "1.2 x",
            f"{sixteen:.2f} x, {many:.2f} x", max(sixteen, many) <= 1.2, command),
    ]  # fmt: skip


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else NUMBER
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    found = run(number, rounds)
    print(table(found))
    tell(rows_of(found, number, rounds))


if __name__ == "__main__":
    main()
