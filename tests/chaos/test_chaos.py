"""Nothing lost, nothing doubled: workers and brokers under faults that a seed decides.

The short form runs with the other tests on Apache Kafka; ``make chaos`` runs the long one, and
writes its figures to ``out/chaos.json``. PENCHANT_CHAOS_SEED and _EVENTS change it, and _FAULTS the
short one.
"""

from __future__ import annotations

import gc
import json
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from streams.admin import admin_client, create_topics
from streams.settings import Settings
from streams.topics import wanted_topics
from tests.chaos.checker import Checker, read_sources
from tests.chaos.conductor import Conductor
from tests.chaos.load import Load, events
from tests.chaos.log import Sampler
from tests.chaos.plan import LONG as COUNTS
from tests.chaos.plan import faults, schedule
from tests.chaos.recomputation import differing_states
from tests.support.apache import Broker, apache_cluster
from tests.support.cluster import Cluster, until

pytestmark = [
    pytest.mark.kafka,
    # kafka-python leaves sockets open when the broker that it connects to has been killed.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

LONG = os.environ.get("PENCHANT_CHAOS") == "long"
SEED = int(os.environ.get("PENCHANT_CHAOS_SEED", "1"))
FAULTS = int(os.environ.get("PENCHANT_CHAOS_FAULTS", "5"))
EVENTS = int(os.environ.get("PENCHANT_CHAOS_EVENTS", "2000000" if LONG else "20000"))
RATE = float(os.environ.get("PENCHANT_CHAOS_RATE", "3000" if LONG else "500"))
PROFILES = 500 if LONG else 100
PAUSE = (8.0, 14.0) if LONG else (1.0, 3.0)
OUT = Path("out/chaos.json")

#: What the long form has to have been through, at least; events as they are.
TARGETS = {
    "SIGKILL": 20, "SIGSTOP": 5, "rebalances": 10, "broker_restarts": 3, "clean_stops": 1,
    "snapshots_aborted": 1, "coordinators_moved": 1,
}  # fmt: skip

#: Changelogs are compacted all the time; scores and snapshots are kept, to be counted.
COMPACTED = {
    "segment.ms": "5000", "segment.bytes": "1048576", "min.cleanable.dirty.ratio": "0.01",
    # Longer than any recovery: who reads a log slower than it forgets tombstones sees ghosts.
    "delete.retention.ms": "120000",
}  # fmt: skip


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Broker]]:
    with apache_cluster(tmp_path_factory.mktemp("brokers"), 3, quick=not LONG) as running:
        yield running


@pytest.fixture
def cluster(brokers: list[Broker], tmp_path: Path) -> Iterator[Cluster]:
    settings = Settings(
        brokers=",".join(broker.address for broker in brokers), prefix=f"c{uuid.uuid4().hex[:8]}",
        partitions=4, replication=3,
    )  # fmt: skip
    made = Cluster(settings, tmp_path)
    topics = made.topics
    kept, compacted = (topics.scores, topics.models), changelogs(made)
    wanted = [
        replace(one, config=one.config | {"cleanup.policy": "delete"}) if one.name in kept
        else replace(one, config=one.config | COMPACTED) if one.name in compacted else one
        for one in wanted_topics(settings)
    ]  # fmt: skip
    with admin_client(settings) as client:
        create_topics(client, settings, wanted)
    yield made
    made.stop()


def test_with_three_replicas_nothing_is_acknowledged_that_one_broker_alone_has(
    cluster: Cluster,
) -> None:
    names = [one.name for one in wanted_topics(cluster.settings)]
    with admin_client(cluster.settings) as client:
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        found = client.describe_configs(resources, config_filter="all")["topic"]
    assert {name: found[name]["min.insync.replicas"]["value"] for name in names} == (
        dict.fromkeys(names, "2")
    )


def test_nothing_is_lost_and_nothing_doubled(cluster: Cluster, brokers: list[Broker]) -> None:
    phases = Phases()
    source = events(SEED, PROFILES)
    conductor = Conductor(cluster, brokers)
    where = (cluster.settings.brokers, cluster.topics.events)
    first = Load(*where, 4_000, source, 60 * PROFILES).start()
    conductor.start(3 if LONG else 2)
    warm = first.wait()
    phases.append("speaking")
    conductor.settle(read_sources(cluster)[1])
    until(conductor.speak, "all workers to score by both models")
    speaking = cluster.committed()  # from here on every event has to be answered by scores
    phases.append("faults")
    load = Load(*where, RATE, source, EVENTS - warm).start()
    sampler = Sampler(cluster, 1.0).start()
    conductor.play(
        schedule(SEED, COUNTS, PAUSE) if LONG else faults(SEED, FAULTS, PAUSE, brokers=True)
    )
    sent = warm + (load.wait() if LONG else load.stop())
    checker = Checker(cluster, sent, sampler.samples, speaking)
    phases.append("settling")
    conductor.settle(checker.ends)
    conductor.settle_training()
    sampler.stop()
    phases.append("checking")
    conductor.done["rebalances"] = conductor.rebalances()
    compacted = offsets_compacted(brokers, changelogs(cluster))
    checker.facts.update({f"compacted of {name}": upto for name, upto in compacted.items()})
    violations = checker.check() | {"states not byte-equal": differing_states(cluster)}
    phases.append("end")
    gc.collect()  # its sockets, while they are forgiven
    report(checker, conductor, violations, phases)
    assert not {name: count for name, count in violations.items() if count}
    assert checker.facts["samples"] > 5
    assert conductor.done["rebalances"] > 1
    if LONG:
        assert checker.facts["events"] == EVENTS
        assert not [name for name, least in TARGETS.items() if conductor.done[name] < least]
        assert all(compacted.values())
    assert min(checker.facts[f"tickets of {goal}"] for goal in ("churn", "coupon")) > 100


def changelogs(cluster: Cluster) -> tuple[str, ...]:
    topics = cluster.topics
    return topics.profiles, topics.tickets, topics.trainers


def offsets_compacted(brokers: list[Broker], topics: Sequence[str]) -> dict[str, int]:
    """How many offsets of topics the brokers have compacted, by their own notes."""
    found = dict.fromkeys(topics, 0)
    for broker in brokers:
        for notes in broker.folder.rglob("cleaner-offset-checkpoint"):
            for line in notes.read_text().splitlines()[2:]:
                topic, _, offset = line.split(" ")
                if topic in found:
                    found[topic] += int(offset)
    return found


class Phases(list[tuple[str, float]]):
    """When what began."""

    def __init__(self) -> None:
        super().__init__([("starting", time.monotonic())])

    def append(self, name: Any) -> None:
        """Note that a phase begins."""
        super().append((name, time.monotonic()))

    def seconds(self) -> dict[str, int]:
        """How long each was."""
        return {one: round(after - at) for (one, at), (_, after) in pairwise(self)}


def report(checker: Checker, conductor: Conductor, violations: Any, phases: Phases) -> None:
    """The figures, for people."""
    figures = {
        "seed": SEED, "seconds": phases.seconds(), "faults": dict(conductor.done),
        "facts": dict(checker.facts), "violations": violations, "examples": checker.examples[:20],
    }  # fmt: skip
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=2) + "\n")
