"""Memory of a million profiles that are as real ones are: the households of the Complete Journey.

``python -m benchmarks.households [PROFILES ...]`` works a year of 2,469 households out, with the
three goals of the demo and their models learning, gives their states and tickets to so many
profiles in the changelogs of an Apache Kafka, and takes the memory of the worker that reads them.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import orjson

from benchmarks.aims import Row, tell
from benchmarks.scale import (
    PARTITIONS,
    PATIENCE,
    SIZES,
    Patterns,
    patterns_in,
    resident,
    shown,
    write,
)
from models.config.loader import load_config
from models.engine import Engine
from models.goals.tickets import TicketBook
from models.learning.trainer import trainers_of
from models.step import PlainRecord
from streams.demo.journey import read_journey
from streams.settings import Settings
from tests.support.apache import apache_kafka
from tests.support.cluster import Cluster, until

GOALS = (resources.files("streams.demo") / "goals.yaml").read_text(encoding="utf-8")
RUN = 1_000


class Memory(NamedTuple):
    """What so many profiles take.

    Parameters
    ----------
    profiles
        Their number.
    state, tickets
        Mean bytes of a state, and tickets a profile.
    ready
        Seconds from the start of the worker's process until everything was read.
    resident
        Bytes.
    """

    profiles: int
    state: float
    tickets: float
    ready: float
    resident: int


def households() -> Patterns:
    """States and tickets at the end of the year."""
    config = load_config(GOALS, "goals.yaml")
    engine, trainers = Engine(config), trainers_of(config)
    partition = engine.open(0, {}, TicketBook())
    records = [
        PlainRecord(event["profile_id"].encode(), orjson.dumps(event), offset)
        for offset, event in enumerate(read_journey())
    ]
    for at in range(0, len(records), RUN):
        step = engine.step(partition, records[at : at + RUN])
        partition.apply(step)
        for name, trainer in trainers.items():
            trainer.learn([one for one in step.examples if one.goal == name])
            if trainer.labels:
                engine.adopt(trainer.snapshot())
    return patterns_in(partition)


def measured(folder: Path, broker: str, found: Patterns, profiles: int) -> Memory:
    """What so many profiles take."""
    settings = Settings(brokers=broker, prefix=f"households{profiles}", partitions=PARTITIONS)
    cluster = Cluster(settings, folder / str(profiles))
    cluster.folder.mkdir()
    cluster.create_topics()
    tickets = asyncio.run(write(cluster, found, profiles))
    worker = cluster.worker(GOALS, session_timeout="30")
    started = time.monotonic()
    worker.start()
    try:
        until(lambda: shown(worker, "penchant_profiles/") >= profiles, "all profiles", PATIENCE)
        ready = time.monotonic() - started
        state = sum(len(state) for state, _ in found.states) / len(found.states)
        return Memory(profiles, state, tickets / profiles, ready, resident(worker))
    finally:
        cluster.stop()


def run(sizes: list[int]) -> list[Memory]:
    """What each number of profiles takes."""
    found = households()
    with tempfile.TemporaryDirectory() as folder, apache_kafka(Path(folder) / "kafka") as broker:
        return [measured(Path(folder), broker.address, found, one) for one in sizes]


def rows_of(figures: list[Memory]) -> list[Row]:
    """What was found beside what was asked for."""
    few, many = figures[0], figures[-1]
    each = (many.resident - few.resident) / (many.profiles - few.profiles)
    return [
        Row("P4, households", "memory of a profile with three goals' tickets, as the Complete "
            "Journey's are; stored state, mean", "2,048 bytes; 1,024",
            f"{each:,.0f}; {many.state:,.0f}", each <= 2048 and many.state <= 1024,
            f"python -m benchmarks.households {few.profiles} {many.profiles}"),
    ]  # fmt: skip


def main() -> None:
    figures = run([int(one) for one in sys.argv[1:]] or SIZES)
    for one in figures:
        print(
            f"{one.profiles:,} profiles: a state {one.state:.0f} bytes, {one.tickets:.2f} tickets, "
            f"read in {one.ready:.1f} s, resident {one.resident / 2**20:,.0f} MiB"
        )
    if len(figures) > 1:
        tell(rows_of(figures))


if __name__ == "__main__":
    main()
