"""A worker with few and with a million profiles: recovery, memory, CPU an event, CPU while idle.

``python -m benchmarks.scale [PROFILES ...]`` writes states of so many profiles into the changelogs
of an Apache Kafka (made by the engine for a few thousand, then given to others), starts a worker,
and takes the time until its first score, its memory, the CPU of events to profiles drawn evenly and
to one after the other, and the CPU of a quiet stream whose timers fall due. Prints a table.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from aiokafka.partitioner import DefaultPartitioner
from faust.types import TP

from benchmarks.aims import Row, tell
from benchmarks.throughput.load import CONFIG as TWO_GOALS
from benchmarks.throughput.load import START, events, snapshots
from models.config.loader import load_config
from models.engine import Engine
from models.goals.tickets import TicketBook, id_of, ticket_key
from models.partition import CLOCK_KEY, NOT_PROFILES, Partition
from models.profiles.codec import pack, unpack
from models.step import PlainRecord
from streams.batches import Outgoing
from streams.checkpoint import Ordered, Output
from streams.security import client_options
from streams.settings import Settings
from tests.support.apache import apache_kafka
from tests.support.cluster import Cluster, Worker, cpu_seconds, until

PARTITIONS = 4
#: Profiles whose states are worked out; all others have one of these.
PATTERNS = 2_000
EVENTS = 100_000
QUIET_SECONDS = 30.0
partition_of = DefaultPartitioner()
DAYS = 40
AT_ONCE = 20_000
PATIENCE = 600.0
SIZES = [10_000, 1_000_000]
CONFIG = f"""\
time: {{idle_after: 2s}}
{TWO_GOALS}\
  cart:
    propensity: conversion
    outcome: {{will: {{where: {{field: type, equals: cart}}, times: 2}}, within: 7d}}
    tickets: {{every: 7d}}
"""


class Patterns(NamedTuple):
    """States to give to many profiles.

    Parameters
    ----------
    states
        A profile and its tickets, each.
    clock
        The partition's.
    """

    states: list[tuple[bytes, list[bytes]]]
    clock: bytes


class Figures(NamedTuple):
    """What was found for a number of profiles.

    Parameters
    ----------
    profiles
        Their number.
    state_bytes, tickets
        Median bytes of a state; tickets a profile.
    first_score
        Seconds from the start of the worker's process.
    memory
        Bytes resident after recovery.
    cpu_drawn, cpu_in_turn
        Microseconds an event, of profiles drawn evenly and of one after the other.
    cpu_idle
        Share of a core with nothing coming in.
    """

    profiles: int
    state_bytes: int
    tickets: float
    first_score: float
    memory: int
    cpu_drawn: float
    cpu_in_turn: float
    cpu_idle: float


def patterns() -> Patterns:
    """States after 40 days with an event every other day."""
    engine = Engine(load_config(CONFIG, "benchmark"), silent=True)
    partition = engine.open(0, {}, TicketBook())
    number = PATTERNS * DAYS // 2
    log = list(events(number, PATTERNS, start=START - DAYS * 86_400, pace=DAYS * 86_400 / number))
    records = [PlainRecord(key, value, offset) for offset, (key, value) in enumerate(log)]
    for at in range(0, number, 1_000):
        partition.apply(engine.step(partition, records[at : at + 1_000]))
    return patterns_in(partition)


def patterns_in(partition: Partition) -> Patterns:
    """The states of a partition's profiles."""
    states = []
    for key, packed in partition.profiles.items():
        if key not in NOT_PROFILES:
            profile = unpack(packed)
            profile.offset = -1  # of a log that is not here: what comes is no replay
            states.append((pack(profile), partition.tickets.of(key)))
    return Patterns(states, partition.profiles[CLOCK_KEY])


async def write(cluster: Cluster, found: Patterns, profiles: int) -> int:
    """Write the changelogs; how many tickets there are."""
    options = client_options(cluster.settings)
    checkpoint = Ordered("scale", cluster.topics.sources, options)
    source = TP(cluster.topics.events, 0)
    await checkpoint.own({source})
    tickets = 0
    for at in range(0, profiles, AT_ONCE):
        numbers = range(at, min(at + AT_ONCE, profiles))
        stage = rows(cluster, found, numbers)
        tickets += sum(len(one.records) for one in stage if one.topic == cluster.topics.tickets)
        await checkpoint.commit(source, None, [stage])
    clocks = [
        Output(cluster.topics.profiles, number, [(CLOCK_KEY, found.clock)])
        for number in range(PARTITIONS)
    ]
    await checkpoint.commit(source, None, [clocks])
    await checkpoint.stop()
    return tickets


def rows(cluster: Cluster, found: Patterns, numbers: range) -> list[Output]:
    """Rows of the changelogs for some of the profiles."""
    topics, all_partitions = cluster.topics, list(range(PARTITIONS))
    by_partition: dict[tuple[str, int], list[Outgoing]] = {}
    for number in numbers:
        key = f"p{number:07d}".encode()
        partition = partition_of(key, all_partitions, all_partitions)
        state, tickets = found.states[number % len(found.states)]
        by_partition.setdefault((topics.profiles, partition), []).append((key, state))
        by_partition.setdefault((topics.tickets, partition), []).extend(
            (ticket_key(key, *id_of(ticket)), ticket) for ticket in tickets
        )
    return [Output(*place, records) for place, records in by_partition.items()]


def measured(folder: Path, broker: str, found: Patterns, profiles: int) -> Figures:
    """All figures for a number of profiles."""
    settings = Settings(brokers=broker, prefix=f"scale{profiles}", partitions=PARTITIONS)
    cluster = Cluster(settings, folder / str(profiles))
    cluster.folder.mkdir()
    cluster.create_topics()
    cluster.send(snapshots(CONFIG), cluster.topics.models)
    tickets = asyncio.run(write(cluster, found, profiles))
    cluster.send(events(100, profiles, seed=2, pace=0.01))
    worker = cluster.worker(CONFIG, session_timeout="30", snapshot_every="5")
    started = time.monotonic()
    worker.start()
    try:
        until(lambda: shown(worker, "penchant_scores_total") > 0, "a score", PATIENCE)
        first_score = time.monotonic() - started
        until(lambda: shown(worker, "penchant_events_total/applied") >= 100, "the rest", PATIENCE)
        memory = resident(worker)
        drawn = busy(cluster, worker, profiles, in_turn=False)
        in_turn = busy(cluster, worker, profiles, in_turn=True)
        sizes = sorted(len(state) for state, _ in found.states)
        return Figures(
            profiles, sizes[len(sizes) // 2], tickets / profiles, first_score, memory,
            drawn, in_turn, idle(worker),
        )  # fmt: skip
    finally:
        cluster.stop()


def busy(cluster: Cluster, worker: Worker, profiles: int, *, in_turn: bool) -> float:
    """Microseconds of CPU an event, of profiles drawn evenly or of one after the other."""
    before, done = cpu_seconds(worker.metrics()), shown(worker, "penchant_events_total/applied")
    # Little time passes in them: what falls due by time alone is not the events' doing.
    start = START + 1 + done * 0.001
    log = events(EVENTS, profiles, seed=3 + in_turn, start=start, pace=0.001, in_turn=in_turn)
    cluster.send(log)
    until(
        lambda: shown(worker, "penchant_events_total/applied") >= done + EVENTS, "events", PATIENCE
    )
    return (cpu_seconds(worker.metrics()) - before) / EVENTS * 1e6


def idle(worker: Worker) -> float:
    """Share of a core that the worker takes while nothing comes in and timers fall due."""
    time.sleep(10.0)
    before, started = cpu_seconds(worker.metrics()), time.monotonic()
    time.sleep(QUIET_SECONDS)
    used = cpu_seconds(worker.metrics()) - before
    return used / (time.monotonic() - started)


def shown(worker: Worker, name: str) -> float:
    """A metric of a worker, summed over its labels."""
    assert worker.alive, worker.log.read_text()[-4000:]
    only = worker.metrics(name.partition("/")[0])
    return sum(value for key, value in only.items() if key.startswith(name))


def resident(worker: Worker) -> int:
    """Bytes that a worker has in memory."""
    assert worker.process is not None
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]


def table(all_figures: list[Figures]) -> str:
    lines = [
        "| profiles | state, median bytes | tickets a profile | start to first score, s | "
        "resident, MiB | CPU us an event, drawn | in turn | idle, share of a core |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one in all_figures:
        lines.append(
            f"| {one.profiles:,} | {one.state_bytes:,} | {one.tickets:.2f} | "
            f"{one.first_score:.1f} | {one.memory / 2**20:,.0f} | {one.cpu_drawn:.0f} | "
            f"{one.cpu_in_turn:.0f} | {one.cpu_idle:.1%} |"
        )
    return "\n".join(lines)


def run(sizes: list[int]) -> list[Figures]:
    """All figures for each number of profiles."""
    found, figures = patterns(), []
    with tempfile.TemporaryDirectory() as folder, apache_kafka(Path(folder) / "kafka") as broker:
        for profiles in sizes:
            figures.append(measured(Path(folder), broker.address, found, profiles))
            print(figures[-1], flush=True)
    return figures


def rows_of(figures: list[Figures]) -> list[Row]:
    """What was found beside what was asked for."""
    few, many = figures[0], figures[-1]
    command = f"python -m benchmarks.scale {few.profiles} {many.profiles}"
    beside = f"{many.profiles:,} profiles beside {few.profiles:,}"
    drawn, turn = many.cpu_drawn / few.cpu_drawn, many.cpu_in_turn / few.cpu_in_turn
    each = (many.memory - few.memory) / (many.profiles - few.profiles)
    return [
        Row("P3, in turn", f"CPU an event, {beside}, each profile in its turn", "1.3 x",
            f"{turn:.2f} x", turn <= 1.3, command),
        Row("P3, drawn", f"the same, profiles drawn: {few.profiles:,} share scores", "1.3 x",
            f"{drawn:.2f} x", drawn <= 1.3, command),
        Row("P4, eight types", "memory of a profile with three goals' tickets, eight event types "
            "with amounts; stored state, median", "2,048 bytes; 1,024",
            f"{each:,.0f}; {many.state_bytes:,}", each <= 2048 and many.state_bytes <= 1024,
            command),
        Row("P6", f"{many.profiles:,} profiles recovered until the first score", "30 s",
            f"{many.first_score:.1f} s", many.first_score <= 30.0, command),
        Row("P10", f"an idle worker of {many.profiles:,} profiles, timers falling due",
            "5 % of a core", f"{many.cpu_idle:.1%}", many.cpu_idle <= 0.05, command),
    ]  # fmt: skip


def main() -> None:
    figures = run([int(one) for one in sys.argv[1:]] or SIZES)
    print(table(figures))
    if len(figures) > 1:
        tell(rows_of(figures))


if __name__ == "__main__":
    main()
