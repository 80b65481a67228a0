"""At least once, in order: workers that are killed lose nothing, and what is double is told."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from models.config.loader import load_config
from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.factories import START, habits
from tests.support.left import examples_of, learned, plain_example
from tests.support.questions import churn_and_coupon
from tests.support.replay import tables_are_those_of_the_engine_alone

pytestmark = pytest.mark.kafka

CONFIG = churn_and_coupon(every="1d", coupon_every="2d")
KILLS = 6
SECONDS = 25.0


@pytest.fixture
def ordered(kafka: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    """Topics that are written without transactions."""
    settings = kafka.settings.model_copy(
        update={"prefix": f"{kafka.settings.prefix}-ordered", "guarantee": "at_least_once"}
    )
    cluster = Cluster(settings, tmp_path).create_topics()
    yield cluster
    cluster.stop()


def kill_by_turns(workers: list[Worker]) -> None:
    for number in range(KILLS):
        time.sleep(SECONDS / KILLS)
        workers[number % 2].kill()
        workers[number % 2].start()


def test_workers_killed_by_turns_lose_nothing_and_what_is_double_is_told_by_its_ids(
    ordered: Cluster,
) -> None:
    log = habits(profiles=60, days=60, start=START)
    workers = [ordered.worker(CONFIG).start() for _ in range(2)]
    for worker in workers:
        worker.wait_ready()
    sending = threading.Thread(target=ordered.send, args=(keyed(log), "", SECONDS / len(log)))
    sending.start()
    kill_by_turns(workers)  # here, for workers end with the thread that started them
    sending.join()
    ends = Counter(record.partition for record in ordered.read(ordered.topics.events))
    until(lambda: ordered.committed() == dict(ends), "all events to be committed")
    expected = tables_are_those_of_the_engine_alone(ordered, load_config(CONFIG, "goals.yaml"))
    until(lambda: learned(ordered) == {goal: len(one) for goal, one in expected.items()}, "lessons")
    examples_are_all_there_and_doubles_alike(ordered, expected)
    scores_are_all_there_and_doubles_told_by_their_source(ordered, log)


def examples_are_all_there_and_doubles_alike(cluster: Cluster, expected: Any) -> None:
    for goal, examples in examples_of(cluster).items():
        found: dict[str, set[bytes]] = defaultdict(set)
        for one in examples:
            found[one.ticket_id].add(plain_example(one))
        assert found.keys() == {one.ticket_id for one in expected[goal]}
        assert max(map(len, found.values())) == 1


def scores_are_all_there_and_doubles_told_by_their_source(
    cluster: Cluster, log: list[dict[str, Any]]
) -> None:
    """Every score says which event of its profile it is of, and the last is of the last."""
    events: dict[bytes, list[int]] = defaultdict(list)
    for event in cluster.read(cluster.topics.events):
        events[event.key].append(event.offset)
    said: dict[bytes, list[int]] = defaultdict(list)
    for score in cluster.read(cluster.topics.scores):
        said[score.key].append(orjson.loads(score.value)["source"]["offset"])
    assert len(said) == 2 * len({one["profile_id"] for one in log})
    for key, offsets in said.items():
        of_profile = events[key.partition(b"/")[2]]
        assert set(offsets) <= set(of_profile)
        assert offsets[-1] == of_profile[-1]
