"""A record that crashes engine or trainer, on Apache Kafka: workers go, the rest goes on."""

from __future__ import annotations

import sys

import orjson
import pytest
from msgspec.structs import replace

from models.config.durations import HOUR
from models.config.loader import load_config
from models.goals.examples import encode_example
from models.poison import CRASH_KEY
from models.profiles.codec import unpack
from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.factories import START, Bench, event, records

pytestmark = pytest.mark.kafka

CONFIG = """\
goals:
  churn:
    propensity: churn
    outcome: {will_not: {where: {field: type, equals: basket}}, within: 1d}
time: {allowed_lateness: 0s}
"""
CRASHES = 2
EVENTS = 40


def buggy(cluster: Cluster) -> Worker:
    """A worker whose engine has a bug; see tests/support/buggy_worker.py."""
    worker = cluster.worker(CONFIG, poison_crashes=str(CRASHES))
    worker.program = (sys.executable, "-m", "tests.support.buggy_worker")
    return worker


def crashes(worker: Worker) -> None:
    until(lambda: not worker.alive, "the worker to crash")
    assert worker.stop() == 1
    said = worker.log.read_text()
    assert "the worker stops: a bug, KeyError in poison.py:" in said
    assert "KeyError: 'poison'" not in said  # it quotes the event


def test_the_crashes_outlive_the_workers_and_then_the_rest_goes_on_without_the_record(
    kafka: Cluster,
) -> None:
    """Each worker crashes once, as by a supervisor that starts another one elsewhere."""
    log = [event(f"p{n % 8}", START + n * 60_000) for n in range(EVENTS)]
    bad = event("p3", START + 60_000, properties={"note": "poison"})
    log.insert(EVENTS // 2, bad)
    kafka.send(keyed(log))
    for _ in range(CRASHES):
        crashes(buggy(kafka).start())
    last = buggy(kafka).start().wait_ready()
    until(lambda: sum(kafka.committed().values()) == len(log) or not last.alive, "the rest")
    assert last.alive, last.log.read_text()[-3000:]
    (letter,) = kafka.read(kafka.topics.dlq)
    headers = dict(letter.headers)
    assert (letter.key, orjson.loads(letter.value)) == (b"p3", bad)
    assert headers["reason"] == b"poison"
    assert headers["message"].startswith(b"KeyError in poison.py:")
    assert last.metrics()["penchant_dead_letters_total/poison"] == 1
    rows = {one.key: one.value for one in kafka.read(kafka.topics.profiles)}
    assert rows.pop(CRASH_KEY) is None
    baskets = [unpack(rows[b"p%d" % n]).recent for n in range(8)]
    assert [len(recent) // 8 for recent in baskets] == [EVENTS // 8] * 8
    assert last.stop() == 0
    (told,) = [line for line in last.log.read_text().splitlines() if "it is a dead letter" in line]
    place = f"topic={kafka.topics.events} partition={letter.partition} offset="
    assert place in told
    assert "p3" not in told


def test_an_example_that_crashes_its_trainer_is_left_out_and_the_others_are_learned_once(
    kafka: Cluster,
) -> None:
    """Examples as a worker writes them, and among them one that the trainer has a bug about."""
    bench = Bench(load_config(CONFIG, "goals.yaml"))
    steps = bench.run(records(event(f"p{n % 8}", START + n * 2 * HOUR) for n in range(200)))
    good = [encode_example(one) for step in steps for one in step.examples]
    bad = encode_example(replace(steps[0].examples[0], profile_id="poison"))
    values = [*good[:20], bad, *good[20:]]
    kafka.send([(b"churn", value) for value in values], kafka.topics.examples)
    for _ in range(CRASHES):
        crashes(buggy(kafka).start())
    last = buggy(kafka).start().wait_ready()
    until(
        lambda: (
            last.metrics().get("penchant_examples_total/churn/learned", 0) == len(good)
            or not last.alive
        ),
        "the others to be learned",
    )
    assert last.alive, last.log.read_text()[-3000:]
    (letter,) = kafka.read(kafka.topics.dlq)
    headers = dict(letter.headers)
    assert (letter.key, letter.value) == (b"churn", bad)
    assert headers["reason"] == b"poison"
    assert headers["source_topic"] == kafka.topics.examples.encode()
    assert orjson.loads(kafka.read(kafka.topics.models)[-1].value)["examples"] == len(good)
    rows = {one.key: one.value for one in kafka.read(kafka.topics.trainers)}
    assert rows[CRASH_KEY] is None
    assert last.stop() == 0
