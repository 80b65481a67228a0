"""Exactly once on Apache Kafka: two workers, one killed, one stopped beyond its session."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

import orjson
import pytest

from models.config.loader import load_config
from models.events.times import parse_time
from models.partition import NOT_PROFILES
from models.profiles.codec import unpack
from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.factories import START, habits
from tests.support.left import all_learned, every_ticket_was_trained_once, table
from tests.support.questions import churn_and_coupon
from tests.support.replay import tables_are_those_of_the_engine_alone

pytestmark = pytest.mark.kafka

CONFIG = churn_and_coupon(every="1d", coupon_every="2d")
SESSION = 6.0


def fault(workers: list[Worker]) -> None:
    """One worker is killed and started again, the other stopped beyond its session."""
    time.sleep(8)
    workers[0].kill()
    time.sleep(2)
    workers[0].start()
    time.sleep(14)
    workers[1].send_signal(signal.SIGSTOP)
    time.sleep(SESSION + 6)
    workers[1].send_signal(signal.SIGCONT)
    time.sleep(6)
    for worker in workers:
        if not worker.alive:  # fenced, as it has to be; its supervisor starts it again
            worker.start()


@pytest.fixture(scope="module")
def log() -> list[dict[str, Any]]:
    return habits(profiles=60, days=60, start=START)


@pytest.fixture
def survived(kafka: Cluster, log: list[dict[str, Any]]) -> Cluster:
    """A cluster after the faults, with all events handled."""
    workers = [kafka.worker(CONFIG).start() for _ in range(2)]
    for worker in workers:
        worker.wait_ready()
    sending = threading.Thread(target=kafka.send, args=(keyed(log), "", 35.0 / len(log)))
    sending.start()
    fault(workers)  # here, for workers end with the thread that started them
    sending.join()
    ends = Counter(record.partition for record in kafka.read(kafka.topics.events))
    until(lambda: kafka.committed() == dict(ends), "all events to be committed")
    until(lambda: all_learned(kafka), "all examples to be learned")
    return kafka


def test_two_workers_through_a_kill_and_a_stop(
    survived: Cluster, log: list[dict[str, Any]]
) -> None:
    """One run, looked at from every side: the faults take longer than looking."""
    tables_are_those_of_the_engine_alone(survived, load_config(CONFIG, "goals.yaml"))
    assert every_ticket_was_trained_once(survived) > 2_000
    every_score_was_sent_once_and_the_last_is_of_the_last_event(survived, log)
    assert any(worker.alive for worker in survived.workers)


def every_score_was_sent_once_and_the_last_is_of_the_last_event(
    cluster: Cluster, log: list[dict[str, Any]]
) -> None:
    """Scores of a profile and goal: offsets and times only grow, and none is there twice."""
    by_key: dict[bytes, list[dict[str, Any]]] = defaultdict(list)
    for record in cluster.read(cluster.topics.scores):
        by_key[record.key].append(orjson.loads(record.value))
    assert len(by_key) == 2 * len({one["profile_id"] for one in log})
    states = {
        key: unpack(value)
        for key, value in table(cluster, cluster.topics.profiles).items()
        if key not in NOT_PROFILES
    }
    for key, scores in by_key.items():
        said = [(one["source"]["offset"], parse_time(one["timestamp"])) for one in scores]
        assert said == sorted(set(said)), key
        assert said[-1][0] == states[key.partition(b"/")[2]].offset
        for before, after in pairwise(scores):
            assert after["previous"]["score"] == before["score"]
            assert after["previous"]["timestamp"] == before["timestamp"]
