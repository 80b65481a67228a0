"""What a real worker serves over HTTP, read as Prometheus reads it."""

from __future__ import annotations

import http.client
import re
import socket
from typing import Any

import orjson
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics import parser as openmetrics

from streams.metrics import Metrics
from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.factories import START, habits
from tests.support.questions import churn

pytestmark = pytest.mark.embedded


def scrape(worker: Worker) -> dict[str, Any]:
    """Families by name, by Prometheus' own strict parser of what it asks for."""
    connection = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=10)
    accept = {"Accept": "application/openmetrics-text;version=1.0.0"}
    connection.request("GET", "/metrics", headers=accept)
    answer = connection.getresponse()
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    families: Any = openmetrics.text_string_to_metric_families(answer.read().decode())  # type: ignore[no-untyped-call]
    connection.close()
    return {family.name: family for family in families}


@pytest.fixture
def worked(embedded: Cluster) -> tuple[Worker, list[dict[str, Any]]]:
    log = habits(profiles=30, days=30, start=START)
    worker = embedded.worker(churn(), log_format="json").start().wait_ready()
    embedded.send(keyed(log[: len(log) // 2]))
    until(lambda: worker.metrics().get("penchant_model_version/churn", 0) > 0, "a model")
    until(lambda: worker.metrics().get("penchant_goal_status/churn/collecting") == 0, "a status")
    embedded.send(keyed(log[len(log) // 2 :]))
    until(
        lambda: worker.metrics().get("penchant_events_total/applied", 0) >= len(log), "all events"
    )
    until(lambda: any("_lag_records/" in name for name in worker.metrics()), "a look at the lag")
    return worker, log


def test_a_worker_serves_what_the_reference_says(worked: Any) -> None:
    """One worker, looked at from every side: starting it takes longer than looking."""
    worker, log = worked
    families = scrape(worker)
    every_metric_has_its_type_unit_and_help(families)
    no_label_carries_an_id(families, log)
    figures_are_those_of_the_run(families, log)
    it_lives_and_is_ready(worker)
    its_log_is_json_without_ids(worker, log)
    a_second_worker_on_its_port_says_so(worker)
    assert worker.stop() == 0


def every_metric_has_its_type_unit_and_help(families: dict[str, Any]) -> None:
    for one in Metrics(CollectorRegistry()).described:
        family = families[one.name.removesuffix("_total").removesuffix("_info")]
        assert (family.type, family.unit, family.documentation) == (one.type, one.unit, one.about)
        labels = {frozenset(sample.labels) - {"le"} for sample in family.samples}
        assert labels == {frozenset(one.labels)}, one.name


def no_label_carries_an_id(families: dict[str, Any], log: list[dict[str, Any]]) -> None:
    ids = {one["profile_id"] for one in log} | {one["event_id"] for one in log}
    values = {
        value
        for family in families.values()
        for sample in family.samples
        for value in sample.labels.values()
    }
    assert values
    assert not values & ids


def figures_are_those_of_the_run(families: dict[str, Any], log: list[dict[str, Any]]) -> None:
    def total(name: str, **labels: str) -> float:
        family = families[name.removesuffix("_total").removesuffix("_count")]
        return sum(
            float(one.value) for one in family.samples
            if one.name == name and labels.items() <= one.labels.items()
        )  # fmt: skip

    assert total("penchant_events_total", result="applied") == len(log)
    assert total("penchant_event_to_score_seconds_count") == len(log)
    assert total("penchant_profiles") == 30
    assert total("penchant_scored_profiles") == 30
    assert 0 < total("penchant_tickets_waiting") <= total("penchant_tickets_open")
    assert total("penchant_partitions_assigned") == 4  # two each of events and examples
    assert total("penchant_ready") == 1
    assert total("penchant_recovering") == total("penchant_recovery_remaining_records") == 0
    assert total("penchant_memory_limit_bytes") > 2**28
    phases = {one.labels["phase"] for one in families["penchant_step_seconds"].samples}
    assert phases == {"compute", "encode", "commit"}


def its_log_is_json_without_ids(worker: Worker, log: list[dict[str, Any]]) -> None:
    text = worker.log.read_text()
    lines = [orjson.loads(line) for line in text.splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assert {line["level"] for line in lines} == {"info"}
    told = [line["partition"] for line in lines if line["message"] == "partition taken on"]
    assert sorted(told) == [0, 1]
    statuses = [line["status"] for line in lines if line["message"] == "status of a goal"]
    assert statuses[0] == "collecting"
    assert len(set(statuses)) > 1
    words = set(re.findall(r"[\w-]+", text))
    assert not words & ({one["profile_id"] for one in log} | {one["event_id"] for one in log})


def it_lives_and_is_ready(worker: Worker) -> None:
    assert worker.get("/livez") == '{"live":true,"why_not":null}'
    assert worker.get("/readyz") == '{"ready":true,"why_not":null}'


def a_second_worker_on_its_port_says_so(worker: Worker) -> None:
    second = Worker(worker.config, worker.environment, worker.log.with_name("second.log"))
    second.port = worker.port
    second.start()
    assert second.process is not None
    assert second.process.wait(60) == 1
    said = second.log.read_text()
    assert f"127.0.0.1:{worker.port}" in said
    assert "PENCHANT_WEB_PORT" in said
    assert "Traceback" not in said
    with socket.create_connection(("127.0.0.1", worker.port), 5):
        pass  # the first still listens
