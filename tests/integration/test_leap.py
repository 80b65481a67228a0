"""Months of every profile fall due at one record, and the worker is killed in the middle of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.config.durations import DAY
from models.config.loader import load_config
from tests.support.cluster import Cluster, keyed, until
from tests.support.factories import START, event
from tests.support.left import all_learned, examples_of, rows
from tests.support.questions import churn
from tests.support.replay import (
    examples_are_byte_equal,
    lived_through,
    open_tickets_are_byte_equal,
    states_are_byte_equal,
)

pytestmark = pytest.mark.kafka

CONFIG = churn(every="12h")
#: A hundred profiles, once; a hundred days later three of them.
LOG = [
    event(f"p{n}", START + days * DAY + n)
    for days, many in ((0, 100), (100, 3))
    for n in range(many)
]


@pytest.fixture
def alone(kafka: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    """Topics of one partition."""
    settings = kafka.settings.model_copy(
        update={"prefix": f"{kafka.settings.prefix}-one", "partitions": 1}
    )
    cluster = Cluster(settings, tmp_path).create_topics()
    yield cluster
    cluster.stop()


def test_a_worker_killed_between_the_pieces_of_a_leap_goes_on_from_the_last(alone: Cluster) -> None:
    worker = alone.worker(CONFIG).start().wait_ready()
    alone.send(keyed(LOG))
    until(lambda: examples_of(alone), "the first piece")
    worker.kill()
    assert alone.committed() == {0: len(LOG) - 2}, "it was killed too late"
    before = sum(map(len, examples_of(alone).values()))
    worker.start()
    until(lambda: alone.committed() == {0: len(LOG)}, "all events to be committed")
    until(lambda: all_learned(alone), "all examples to be learned")
    bench, expected = lived_through(load_config(CONFIG, "goals.yaml"), LOG)
    assert before < sum(map(len, expected.values())) / 2
    examples_are_byte_equal(examples_of(alone), expected)
    states_are_byte_equal(rows(alone, alone.topics.profiles)[0], bench)
    open_tickets_are_byte_equal(rows(alone, alone.topics.tickets)[0], bench)
