"""Throughput of a worker beside what people would pick instead, alternately, on Apache Kafka.

``make bench PARTS=throughput`` runs it and writes benchmarks/RESULTS.md. Every contender reads the
same events of the same broker from the beginning; a figure is events over the seconds, and over the
CPU seconds of its process, from its first event to its last. With ``--profiles`` only the two that
have an aim stand beside us, with these loads, and only the ratios are written.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from benchmarks.aims import Row, put_between, tell
from benchmarks.rivals.exported import exported
from benchmarks.scale import shown
from benchmarks.throughput.load import CONFIG, PROPENSITIES, events, snapshots
from benchmarks.throughput.plot import PICTURES, draw_rates
from streams.admin import admin_client, create_topics
from streams.pace import RUN
from streams.settings import Settings
from streams.topics import Wanted
from tests.support.apache import apache_kafka
from tests.support.cluster import Cluster, Worker, cpu_seconds

HERE = Path(__file__).parent
RIVALS = Path(".cache/rivals/bin/python")
PARTITIONS = 4
PATIENCE = 900.0

OURS = "Penchant, exactly once"
SHORT = f"{OURS}, steps of {RUN:,}"
QUIX = "Quix Streams, at least once"
TUTORIAL = "Faust as its tutorial leads to"
LITTLE = "counters only"
LOADS = (200_000, 2_000)
MODULE = "python -m benchmarks.throughput.run"
Figure = tuple[float, float]  # events a second, CPU microseconds an event
#: Load -> contender -> its figures in each round.
Found = dict[str, dict[str, list[Figure]]]


class Race(NamedTuple):
    """What is run of each load: events, rounds, and which contenders where it is not all."""

    events: int
    rounds: int
    only: Sequence[str] = ()


def penchant(
    cluster: Cluster, guarantee: str, number: int, group: str, **settings_of_worker: str
) -> Figure:
    """Our worker, a process as in production, from its first committed run to its last."""
    settings = cluster.settings.model_copy(update={"prefix": group, "guarantee": guarantee})
    own = Cluster(settings.model_copy(update={"events_topic": cluster.topics.events}),
                  cluster.folder / group)  # fmt: skip
    own.folder.mkdir()
    own.create_topics()
    own.send(snapshots(), own.topics.models)
    worker = own.worker(CONFIG, events_topic=cluster.topics.events, session_timeout="20",
                        **settings_of_worker)  # fmt: skip
    worker.start().wait_ready()
    try:
        return followed(worker, number)
    finally:
        own.stop()


def followed(worker: Worker, number: int) -> Figure:
    """Follow a worker by its metrics until it has applied so many events."""
    first: tuple[float, float, float] | None = None
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        done = shown(worker, "penchant_events_total/applied")
        now = time.perf_counter()
        if done and first is None:
            first = (done, now, cpu_seconds(worker.metrics()))
        if first is not None and done >= number:
            handled, cpu = done - first[0], cpu_seconds(worker.metrics()) - first[2]
            return handled / (now - first[1]), cpu / handled * 1e6
        time.sleep(0.2)
    raise TimeoutError(worker.log.read_text()[-2000:])


def rival(*command: str) -> Figure:
    """A rival in a process of its own, which says its figures when it is done."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, check=False,
        env=os.environ | {"PYTHONPATH": str(HERE.parents[1])},
    )  # fmt: skip
    said = re.search(r"FIGURES (\d+) ([\d.]+)", done.stdout + done.stderr)
    if said:
        return float(said[1]), float(said[2])
    raise RuntimeError(done.stdout[-1000:] + done.stderr[-2000:])


def contenders(cluster: Cluster, number: int, models: str) -> dict[str, Callable[[int], Figure]]:
    """What runs over the events of a cluster; ``models`` is the rivals' file of them."""
    broker, topic = cluster.settings.brokers, cluster.topics.events
    floor = str(HERE / "floor.py")

    def quix(guarantee: str, work: str) -> Callable[[int], Figure]:
        script = str(HERE.parent / "rivals" / "quix.py")
        return lambda _: rival(str(RIVALS), script, broker, topic, str(number), guarantee, work)

    def faust(work: str) -> Callable[[int], Figure]:
        script = str(HERE.parent / "rivals" / "tutorial.py")
        return lambda _: rival(
            sys.executable, script, broker, topic, str(number), str(PARTITIONS), work
        )

    def ours(guarantee: str, **settings: str) -> Callable[[int], Figure]:
        name = "-".join([topic, guarantee, *settings.values()])
        return lambda turn: penchant(cluster, guarantee, number, f"{name}-{turn}", **settings)

    return {
        OURS: ours("exactly_once"),
        SHORT: ours("exactly_once", run_records=str(RUN)),
        "Penchant, in order": ours("at_least_once"),
        QUIX: quix("at_least_once", models),
        "Quix Streams, exactly once": quix("exactly_once", models),
        TUTORIAL: faust(models),
        f"{QUIX}, {LITTLE}": quix("at_least_once", "counters"),
        f"{TUTORIAL}, {LITTLE}": faust("counters"),
        "Floor: aiokafka, nothing done": lambda _: rival(
            sys.executable, floor, broker, topic, str(number), "aiokafka"
        ),
        "Floor: confluent-kafka, nothing done": lambda _: rival(
            str(RIVALS), floor, broker, topic, str(number), "confluent"
        ),
    }


def measured(folder: Path, broker: str, profiles: int, race: Race) -> dict[str, list[Figure]]:
    """Contenders, one after the other, so many times."""
    number, rounds, only = race
    settings = Settings(brokers=broker, prefix=f"load{profiles}", partitions=PARTITIONS)
    cluster = Cluster(settings, folder).create_topics()
    cluster.send(events(number, profiles))
    found: dict[str, list[Figure]] = {}
    # The tutorial's agent is too slow for the whole load: a tenth of it says the same.
    few = Cluster(settings.model_copy(update={"prefix": f"few{profiles}"}), folder).create_topics()
    few.send(events(number // 10, profiles))
    with admin_client(few.settings) as client:  # Quix Streams makes its own
        targets = (f"{few.topics.events}-faust", f"{cluster.topics.events}-floor")
        create_topics(client, few.settings, [Wanted(one, PARTITIONS, {}) for one in targets])
    models = folder / "models.json"
    models.write_bytes(exported([value for _, value in snapshots()], PROPENSITIES))
    runs = contenders(cluster, number, str(models))
    tutorial = contenders(few, number // 10, str(models))
    runs |= {name: run for name, run in tutorial.items() if name.startswith(TUTORIAL)}
    if only:
        runs = {name: run for name, run in runs.items() if name in only}
    for turn in range(rounds):
        for name, run in runs.items():
            found.setdefault(name, []).append(run(turn))
            print(f"{profiles:,} profiles, round {turn + 1}: {name} {found[name][-1]}", flush=True)
    return found


def table(found: dict[str, list[Figure]]) -> str:
    ours, _ = medians(found[OURS])
    lines = ["| | events/s, median (least to most) | CPU us an event, median | Penchant is |",
             "| --- | --- | --- | --- |"]  # fmt: skip
    for name, figures in found.items():
        rates, (rate, cpu) = [rate for rate, _ in figures], medians(figures)
        lines.append(
            f"| {name} | {rate:,.0f} ({min(rates):,.0f} to {max(rates):,.0f}) | "
            f"{cpu:,.0f} | {ours / rate:.1f} x |"
        )
    return "\n".join(lines)


def run(number: int, rounds: int) -> Found:
    """All contenders with both loads; writes the tables and draws them."""
    found = found_with(LOADS, Race(number, rounds))
    what = f"{number:,} events, {rounds} rounds"
    write(tables(found), what)
    rates = {load: rates_of(one) for load, one in found.items()}
    draw_rates(rates, f"{what}; medians, least and most", PICTURES / "throughput.png")
    return found


def found_with(loads: Iterable[int], race: Race) -> Found:
    """What contenders do with events of so many profiles."""
    with tempfile.TemporaryDirectory() as folder, apache_kafka(Path(folder) / "kafka") as broker:
        return {
            f"{profiles:,} profiles": measured(Path(folder), broker.address, profiles, race)
            for profiles in loads
        }


def tables(found: Found) -> str:
    """A table of each load."""
    return "\n".join(f"### {load}\n\n{table(one)}\n" for load, one in found.items())


def rows_of(found: Found, number: int, rounds: int) -> list[Row]:
    """What was found beside what was asked for."""
    command = f"{MODULE} --events {number} --rounds {rounds}"
    told = []
    for load, name, label, aim in (
        ("200,000 profiles", OURS, "P1", 20_000), ("2,000 profiles", SHORT, "P1b", 45_000)
    ):  # fmt: skip
        rate, cpu = medians(found[load][name])
        steps = name.removeprefix(OURS)
        figure = f"whole job, one worker, {load}{steps}: events a second of CPU, and by the clock"
        said = f"{1e6 / cpu:,.0f} ({cpu:.0f} us each); {rate:,.0f}"
        told.append(Row(label, figure, f"{aim:,} a core", said, 1e6 / cpu >= aim, command))
    return told + ratios_of(found, command)


def ratios_of(found: Found, command: str) -> list[Row]:
    """What was found beside what people would pick instead."""
    told = []
    for load, figures in found.items():
        ours, _ = medians(figures[OURS])
        quix, faust = (ours / medians(figures[name])[0] for name in (QUIX, TUTORIAL))
        figure = f"beside Quix Streams at least once, and the tutorial's agent, {load}"
        said = f"{quix:.2f} x, {faust:.1f} x"
        reached = quix >= 3.0 and faust >= 25.0
        told.append(Row(f"P2, {load}", figure, "3 x, 25 x", said, reached, command))
    return told


def medians(figures: list[Figure]) -> Figure:
    """Of the rates and of the CPU of several rounds."""
    rates, cpus = zip(*figures, strict=True)
    return statistics.median(rates), statistics.median(cpus)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--profiles", type=int, nargs="+", help="loads, of 200000 and 2000")
    given = options.parse_args()
    if given.profiles:
        found = found_with(given.profiles, Race(given.events, given.rounds, (OURS, QUIX, TUTORIAL)))
        print(tables(found))
        loads = " ".join(map(str, given.profiles))
        tell(ratios_of(found, f"{MODULE} --profiles {loads} --rounds {given.rounds}"))
        return
    tell(rows_of(run(given.events, given.rounds), given.events, given.rounds))


def rates_of(found: dict[str, list[Figure]]) -> dict[str, list[float]]:
    """Events a second of each contender's rounds."""
    return {name: [rate for rate, _ in figures] for name, figures in found.items()}


def write(shown: str, what: str) -> None:
    """Put the tables between the marks of the results page."""
    about = (
        f"{datetime.now(UTC):%d %B %Y}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores, Apache Kafka on the same machine, {PARTITIONS} partitions, "
        f"{what}, alternately.\n\n"
    )
    put_between("throughput", lambda _: about + shown)


if __name__ == "__main__":
    main()
