"""Trainers in a process of their own, on Apache Kafka: whoever kills them loses nothing."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.factories import habits
from tests.support.left import all_learned, every_ticket_was_trained_once
from tests.support.questions import churn_and_coupon

pytestmark = pytest.mark.kafka

CONFIG = churn_and_coupon(every="1d", coupon_every="2d")
SECONDS = 12.0


def trainers_of(worker: Worker) -> int:
    """The process beside a worker; whichever of its threads has started it."""
    assert worker.process is not None
    children = Path(f"/proc/{worker.process.pid}/task").glob("*/children")
    (pid,) = [int(pid) for path in children for pid in path.read_text().split()]
    return pid


def learned(worker: Worker) -> float:
    return worker.metrics().get("penchant_examples_total/churn/learned", 0.0)


def test_a_worker_whose_trainers_are_killed_ends_and_the_next_learns_the_rest_once(
    kafka: Cluster,
) -> None:
    log = habits(profiles=40, days=40)
    worker = kafka.worker(CONFIG).start().wait_ready()
    sending = threading.Thread(target=kafka.send, args=(keyed(log), "", SECONDS / len(log)))
    sending.start()
    until(lambda: learned(worker) > 100, "something to be learned")
    os.kill(trainers_of(worker), signal.SIGKILL)
    until(lambda: not worker.alive, "the worker to end")
    assert worker.stop() == 1
    said = worker.log.read_text()
    assert said.count("the worker stops: the trainers' process has ended (exit code -9)") == 1
    assert "Traceback" not in said
    worker.start().wait_ready()
    sending.join()
    until(lambda: sum(kafka.committed().values()) == len(log), "all events to be committed")
    until(lambda: all_learned(kafka), "all examples to be learned")
    assert every_ticket_was_trained_once(kafka) > 1_000
    pid = trainers_of(worker)
    assert worker.stop() == 0
    assert not Path(f"/proc/{pid}").exists()


def test_trainers_in_the_worker_s_own_process_learn_the_same(kafka: Cluster) -> None:
    log = habits(profiles=20, days=20)
    worker = kafka.worker(CONFIG, trainers_apart="false").start().wait_ready()
    kafka.send(keyed(log))
    until(lambda: sum(kafka.committed().values()) == len(log), "all events to be committed")
    until(lambda: all_learned(kafka), "all examples to be learned")
    assert every_ticket_was_trained_once(kafka) > 100
    assert "penchant_trainers_process_cpu_seconds_total" not in worker.metrics()
    assert worker.stop() == 0
