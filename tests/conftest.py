"""Brokers for the tests that need one, and a plain word where there is none."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.processes import embedded_broker
from streams.settings import Settings
from tests.support import apache
from tests.support.cluster import Cluster
from tests.support.left_out import leave_out, note, notes_of, take_notes

#: No test, and Atheris is there for ``make fuzz`` alone.
collect_ignore = ["hostile/fuzz.py"]
#: Set by CI: a missing Apache Kafka is then a failure and not a note.
INSIST = os.environ.get("PENCHANT_TEST_KAFKA") == "require"
NewCluster = Callable[..., Cluster]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests on Apache Kafka where it cannot run, unless that is insisted on."""
    absent = apache.missing()
    if absent is None or INSIST:
        return
    kafka = [item for item in items if "kafka" in item.keywords]
    leave_out(config, items, kafka)
    note(config, f"{len(kafka)} tests on Apache Kafka did NOT run: {absent}")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear from a process of pytest-xdist what it left out."""
    take_notes(node.config, getattr(node, "workeroutput", {}))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say plainly what did not run."""
    for text in notes_of(config):
        terminalreporter.write_sep("!", text, red=True)


@pytest.fixture(scope="session")
def embedded_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the embedded broker listens."""
    with embedded_broker(tmp_path_factory.mktemp("embedded")) as address:
        yield address


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[apache.Broker]:
    """Apache Kafka."""
    absent = apache.missing()
    assert absent is None, absent
    with apache.apache_kafka(tmp_path_factory.mktemp("kafka"), quick=True) as broker:
        yield broker


def _new(folder: Path, brokers: str, guarantee: Any, partitions: int) -> Cluster:
    prefix = f"t{uuid.uuid4().hex[:8]}"
    settings = Settings(brokers=brokers, prefix=prefix, partitions=partitions, guarantee=guarantee)
    return Cluster(settings, folder).create_topics()


@pytest.fixture
def embedded(embedded_address: str, tmp_path: Path) -> Iterator[Cluster]:
    """The embedded broker with topics of its own for this test."""
    cluster = _new(tmp_path, embedded_address, "at_least_once", 2)
    yield cluster
    cluster.stop()


@pytest.fixture
def kafka(kafka_broker: apache.Broker, tmp_path: Path) -> Iterator[Cluster]:
    """Apache Kafka with topics of its own for this test."""
    cluster = _new(tmp_path, kafka_broker.address, "exactly_once", 4)
    yield cluster
    cluster.stop()


@pytest.fixture
def ordered(kafka_broker: apache.Broker, tmp_path: Path) -> Iterator[Cluster]:
    """Apache Kafka with topics that are written in order, without transactions."""
    cluster = _new(tmp_path, kafka_broker.address, "at_least_once", 4)
    yield cluster
    cluster.stop()


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Processes heed SIGINT; those that a shell has put into the background would not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
