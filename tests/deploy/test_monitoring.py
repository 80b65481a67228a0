"""A real Prometheus beside a real worker on Apache Kafka: faults are told, dashboards have data."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from models.config.durations import DAY
from streams.agents.score import goal_partition
from tests.deploy.test_dashboards import label_values
from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.factories import START, event, habits
from tests.support.prometheus import Prometheus, prometheus

pytestmark = [pytest.mark.kafka, pytest.mark.tools("prometheus", long=True)]

DASHBOARDS = Path(__file__).parents[2] / "deploy/grafana/dashboards"
CONFIG = """\
events: {value: properties.amount}
attributes: {plan: properties.plan}
time: {allowed_lateness: 0s}
goals:
  churn:
    propensity: churn
    outcome: {will_not: {where: {field: type, equals: basket}}, within: 1d}
    tickets: {every: 12h}
  coupon:
    propensity: conversion
    eligible: {where: {field: type, equals: basket}, in_last: 3d}
    outcome: {will: {where: {field: type, equals: coupon}}, within: 2d}
    tickets: {every: 1d}
"""
PATIENCE = 90.0
#: Seconds over which the events are sent: models come and go, and Prometheus sees them do so.
LEARNING = 20.0


@pytest.fixture
def watched(kafka: Cluster, tmp_path: Path, tool: Callable[[str], str]) -> Iterator[Any]:
    """A worker that has learned, and Prometheus that has watched it do so."""
    worker = kafka.worker(CONFIG).start().wait_ready()
    target = f"127.0.0.1:{worker.port}"
    with prometheus(tool("prometheus"), tmp_path / "prometheus", [target]) as server:
        log = habits(profiles=60, days=60, start=START)
        kafka.send(keyed(log), pause=LEARNING / len(log))
        until(lambda: applied(worker) >= len(log), "all events to be applied")
        yield kafka, worker, server


def applied(worker: Worker) -> float:
    return worker.metrics().get("penchant_events_total/applied", 0)


def test_faults_are_told_and_untold_and_every_panel_has_data(watched: Any) -> None:
    """One worker and one Prometheus: starting them takes longer than all that follows."""
    cluster, worker, server = watched
    # Scores may well be late here: a second is a minute to these rules, and the machine is shared.
    assert not {"PenchantRefusals", "PenchantWorkerDown"} & server.firing()
    refused_events_are_told_until_they_end(cluster, server)
    clocks_that_disagree_are_told_until_they_agree(cluster, server)
    late_scores_are_told_until_they_are_in_time(cluster, server)
    models_that_cannot_be_right_are_told(cluster, worker, server)
    asyncio.run(a_trainer_that_is_held_up_is_told_until_it_goes_on(cluster, server))
    a_worker_that_dies_is_told_until_it_is_back(worker, server)
    every_panel_has_data(server)
    every_variable_has_values(server)


def refused_events_are_told_until_they_end(cluster: Cluster, server: Prometheus) -> None:
    bad = ((b"p%d" % (number % 9), b"{") for number in range(400))
    sending = threading.Thread(target=cluster.send, args=(bad,), kwargs={"pause": 0.04})
    sending.start()
    until(lambda: "PenchantRefusals" in server.firing(), "refusals to be told", PATIENCE)
    sending.join()
    until(lambda: "PenchantRefusals" not in server.firing(), "them to be over", PATIENCE)


def clocks_that_disagree_are_told_until_they_agree(cluster: Cluster, server: Prometheus) -> None:
    stamped(cluster, "fast", 60.0)
    until(lambda: "PenchantClockSkew" in server.firing(), "the skew to be told", PATIENCE)
    stamped(cluster, "right", 0.0)
    until(lambda: "PenchantClockSkew" not in server.firing(), "it to be over", PATIENCE)


def late_scores_are_told_until_they_are_in_time(cluster: Cluster, server: Prometheus) -> None:
    """Producers that hold records back: a score follows its record's stamp, not its arrival."""
    rounds = itertools.count()

    def told() -> bool:
        stamped(cluster, f"slow{next(rounds)}", -30.0)
        return "PenchantScoresLate" in server.firing()

    until(told, "late scores to be told", PATIENCE)
    until(lambda: "PenchantScoresLate" not in server.firing(), "them to be over", PATIENCE)


def models_that_cannot_be_right_are_told(
    cluster: Cluster, worker: Worker, server: Prometheus
) -> None:
    version = worker.metrics()["penchant_model_version/churn"]
    cluster.send([(b"churn-forged", b'{"goal": "churn"}')], cluster.topics.models)
    until(lambda: "PenchantSnapshotsRefused" in server.firing(), "a forged model", PATIENCE)
    assert worker.metrics()["penchant_model_version/churn"] >= version, "the last good one stays"
    until(lambda: "PenchantSnapshotsRefused" not in server.firing(), "it to be over", PATIENCE)


async def a_trainer_that_is_held_up_is_told_until_it_goes_on(
    cluster: Cluster, server: Prometheus
) -> None:
    """A transaction that somebody leaves open in the examples holds up whoever reads committed."""
    days = itertools.count(71)
    told = {"PenchantTrainerStuck", "PenchantNoProgress", "PenchantModelStale"}

    def fires() -> bool:
        day = next(days)
        stamped(cluster, f"day{day}", 0.0, START + day * DAY // 4 + 60 * DAY)
        return told <= server.firing()

    somebody = AIOKafkaProducer(
        bootstrap_servers=cluster.settings.brokers, transactional_id="somebody",
        transaction_timeout_ms=300_000,
    )  # fmt: skip
    async with somebody:
        await somebody.begin_transaction()
        numbers = list(range(cluster.settings.partitions))
        for number in {goal_partition(goal, numbers) for goal in ("churn", "coupon")}:
            await somebody.send_and_wait(cluster.topics.examples, b"{", partition=number)
        await asyncio.to_thread(until, fires, "the trainer to be told", 2 * PATIENCE)
        await somebody.abort_transaction()
    over = "it to be over"
    await asyncio.to_thread(until, lambda: not told & server.firing(), over, PATIENCE)


def stamped(cluster: Cluster, name: str, ahead: float, when: int = START + 70 * DAY) -> None:
    """Send an event of each of some profiles, with the clock of its producer wrong."""

    async def send() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=cluster.settings.brokers)
        await producer.start()
        at = int((time.time() + ahead) * 1000)
        for number in range(40):
            one = event(f"p{number}", when, event_id=f"{name}-{number}")
            ((key, value),) = keyed([one])
            await producer.send(cluster.topics.events, value, key, timestamp_ms=at)
        await producer.stop()

    asyncio.run(send())


def a_worker_that_dies_is_told_until_it_is_back(worker: Worker, server: Prometheus) -> None:
    worker.kill()
    until(lambda: "PenchantWorkerDown" in server.firing(), "the death to be told", PATIENCE)
    worker.start().wait_ready()
    until(lambda: "PenchantWorkerDown" not in server.firing(), "the return to be seen", PATIENCE)


def every_panel_has_data(server: Prometheus) -> None:
    nothing = 'penchant_events_total{instance="nobody"}'
    assert not any(server.values(nothing)), "what has no data would not be found"
    empty = []
    for path in sorted(DASHBOARDS.glob("*.json")):
        for title, expression in queries(path):
            if not any(server.values(expression)):
                empty.append(f"{path.stem}: {title}: {expression}")
    assert empty == []


def every_variable_has_values(server: Prometheus) -> None:
    """What Grafana asks for when a dashboard is opened."""
    for path in sorted(DASHBOARDS.glob("*.json")):
        for metric, label in label_values(json.loads(path.read_text())):
            found = server.get(
                f"label/{label}/values", **{"match[]": metric, "start": server.started}
            )
            assert any(found), f"{path.stem}: {metric}: {label}"


def queries(path: Path) -> Iterator[tuple[str, str]]:
    """Titles and queries of a dashboard's panels, everything chosen."""
    for panel in json.loads(path.read_text())["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"].replace("$__rate_interval", "5s")
            for name in ("$worker", "$goal"):
                expression = expression.replace(name, ".*")
            assert "$" not in expression, expression
            yield panel["title"], expression
