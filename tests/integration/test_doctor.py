"""``penchant doctor`` beside a real worker: what is wrong is found, and nothing else is."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType

from streams.admin import admin_client
from streams.processes import penchant
from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.factories import START, habits

CONFIG = """\
time: {allowed_lateness: 0s}
goals:
  churn:
    propensity: churn
    outcome: {will_not: {where: {field: type, equals: basket}}, within: 1d}
    tickets: {every: 12h}
"""


def doctor(worker: Worker, *more: str, **environment: str) -> tuple[int, dict[str, Any]]:
    """Its exit code, and check -> its verdict, the worst where there are several."""
    ran = subprocess.run(
        penchant("doctor", str(worker.config), "--json", "--wait", "1.5", *more),
        env={**os.environ, **worker.environment, **environment}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ran.stdout, ran.stderr
    assert not ran.stderr
    checks = orjson.loads(ran.stdout)["checks"]
    order = ("right", "warning", "wrong")
    worst: dict[str, Any] = {}
    for one in sorted(checks, key=lambda one: order.index(one["state"])):
        worst[one["check"]] = one
    return ran.returncode, worst


def states(worst: dict[str, Any], state: str) -> set[str]:
    return {check for check, one in worst.items() if one["state"] == state}


@pytest.mark.kafka
def test_the_doctor_finds_what_is_wrong_and_nothing_else(kafka: Cluster) -> None:
    """One worker through its life: starting it takes longer than looking."""
    worker = kafka.worker(CONFIG)
    before_there_is_a_worker_there_are_warnings(kafka, worker)
    log = habits(profiles=40, days=40, start=START)
    worker.start().wait_ready()
    kafka.send(keyed(log))
    until(lambda: worker.metrics().get("penchant_events_total/applied", 0) >= len(log), "events")
    until(lambda: worker.metrics().get("penchant_model_version/churn", 0) > 0, "a model")
    a_worker_that_gets_on_has_nothing_wrong(kafka, worker)
    asyncio.run(a_transaction_that_somebody_left_open_is_named(kafka, worker))
    three_faults_at_once_are_found_each(kafka, worker)
    code, worst = doctor(worker, "--prefix", "elsewhere")
    assert code == 1
    assert worst["topic elsewhere.events"]["found"] == "is missing"
    assert "--apply" in worst["topic elsewhere.events"]["advice"]


def before_there_is_a_worker_there_are_warnings(kafka: Cluster, worker: Worker) -> None:
    code, worst = doctor(worker)
    assert code == 0, worst
    assert states(worst, "wrong") == set()
    assert states(worst, "warning") == {f"group {kafka.settings.prefix}", "model of churn"}
    assert worst["guarantee"]["found"] == "exactly once: transactions work"


def a_worker_that_gets_on_has_nothing_wrong(kafka: Cluster, worker: Worker) -> None:
    code, worst = doctor(worker)
    assert code == 0, worst
    assert states(worst, "right") == set(worst), worst
    assert "1 worker, stable" in worst[f"group {kafka.settings.prefix}"]["found"]


async def a_transaction_that_somebody_left_open_is_named(kafka: Cluster, worker: Worker) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.settings.brokers, transactional_id="somebody"
    )
    async with producer:
        await producer.begin_transaction()
        sent = await producer.send_and_wait(kafka.topics.events, b"{", key=b"p1", partition=1)
        code, worst = await asyncio.to_thread(doctor, worker)
        await producer.abort_transaction()
    assert code == 0, worst
    (open_,) = states(worst, "warning")
    assert open_ == f"transactions in {kafka.topics.events}"
    assert f"(partition 1 from offset {sent.offset}, producer " in worst[open_]["found"]
    assert "1 offsets cannot be read" in worst[open_]["found"]


def three_faults_at_once_are_found_each(kafka: Cluster, worker: Worker) -> None:
    worker.send_signal(signal.SIGSTOP)
    send_from_the_future(kafka)
    let_states_be_deleted(kafka)
    code, worst = doctor(worker)
    worker.send_signal(signal.SIGCONT)
    assert code == 1
    log = f"topic {kafka.topics.profiles}"
    assert {f"progress in {kafka.topics.events}", "clocks", log} <= states(worst, "wrong")
    assert "stand still" in worst[f"progress in {kafka.topics.events}"]["found"]
    assert "cleanup.policy=compact" in worst[log]["advice"]


def send_from_the_future(kafka: Cluster) -> None:
    async def send() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=kafka.settings.brokers)
        await producer.start()
        ahead = int(time.time() * 1000) + 600_000
        await producer.send_and_wait(kafka.topics.events, b"{", key=b"p1", timestamp_ms=ahead)
        await producer.stop()

    asyncio.run(send())


def let_states_be_deleted(kafka: Cluster) -> None:
    policy = {"cleanup.policy": "delete"}
    resource = ConfigResource(ConfigResourceType.TOPIC, kafka.topics.profiles, policy)
    with admin_client(kafka.settings) as client:
        client.alter_configs([resource])


@pytest.mark.embedded
def test_the_doctor_knows_that_the_embedded_broker_has_no_transactions(embedded: Cluster) -> None:
    worker = embedded.worker(CONFIG).start().wait_ready()
    code, worst = doctor(worker)
    assert code == 0, worst
    assert states(worst, "wrong") == set()
    code, worst = doctor(worker, PENCHANT_GUARANTEE="exactly_once")
    assert code == 1
    assert states(worst, "wrong") == {"guarantee"}
    assert "PENCHANT_GUARANTEE=at_least_once" in worst["guarantee"]["advice"]


def test_a_broker_that_is_not_there_is_the_first_verdict(tmp_path: Any) -> None:
    config = tmp_path / "goals.yaml"
    config.write_text(CONFIG)
    worker = Worker(config, {"PENCHANT_BROKERS": "127.0.0.1:1"}, tmp_path / "log")
    code, worst = doctor(worker)
    assert code == 1
    (found,) = worst.values()
    assert "127.0.0.1:1" in found["check"]
    assert "PENCHANT_BROKERS" in found["advice"]
