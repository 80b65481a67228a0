"""Runs are recorded for those who ask, and the trace of an event goes on in its scores."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest

from streams.tracing.runs import MOST_LINKS
from tests.streams.cli.running import nowhere
from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.collector import Collector, collecting
from tests.support.factories import START, event, habits

CONFIG = """\
time: {allowed_lateness: 0s}
goals:
  churn:
    propensity: churn
    outcome: {will_not: {where: {field: type, equals: basket}}, within: 1d}
    tickets: {every: 12h}
"""
SAMPLED, UNSAMPLED = "a" * 32, "b" * 32
OFF = """
import sys
from models.config.loader import load_config
from streams.app import Worker
from streams.settings import Settings
from prometheus_client import CollectorRegistry
worker = Worker(load_config(sys.argv[1], "c"), Settings(), CollectorRegistry())
loaded = [name for name in sys.modules if name.startswith("opentelemetry")]
plain = worker.guard.handle, worker.checkpoint, worker.lessons.handle
print(len(loaded), (worker._handle, worker.scoring.checkpoint, worker._teach) == plain)
"""


def parent(trace: str, flags: str) -> list[tuple[str, bytes]]:
    return [("traceparent", f"00-{trace}-{'c' * 16}-{flags}".encode())]


def traced(cluster: Cluster, endpoint: str) -> Worker:
    worker = cluster.worker(CONFIG, traces="1")
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
    }  # fmt: skip
    worker.environment = {**worker.environment, **variables}
    return worker.start().wait_ready()


def applied(worker: Worker) -> float:
    return worker.metrics().get("penchant_events_total/applied", 0)


def bring_to_speak(cluster: Cluster, worker: Worker) -> list[dict[str, Any]]:
    """Teach it enough to send scores."""
    log = habits(profiles=20, days=20, start=START)
    cluster.send(keyed(log))
    until(lambda: applied(worker) >= len(log), "events to be applied")
    until(lambda: worker.metrics().get("penchant_goal_status/churn/collecting") == 0, "a model")
    return log


@pytest.mark.kafka
def test_a_run_is_a_span_with_links_and_scores_carry_on_the_trace(kafka: Cluster) -> None:
    with collecting() as collector:
        worker = traced(kafka, collector.endpoint)
        log = bring_to_speak(kafka, worker)
        until(lambda: worker.metrics().get("penchant_model_version/churn", 0) > 0, "a snapshot")
        at = log[-1]["timestamp"]
        for number, headers in enumerate([parent(SAMPLED, "01"), parent(UNSAMPLED, "00"), []]):
            one = event(f"new{number}", at + number)
            kafka.send(keyed([one]), headers=headers)
        until(lambda: applied(worker) >= len(log) + 3, "three more events")
        found = scores_of(kafka)
        assert found["new0"] == tuple(parent(SAMPLED, "01"))
        assert found["new1"] == tuple(parent(UNSAMPLED, "00"))
        until(lambda: len(linked(collector)) == 1, "the span of the sampled event's run")
        (own,) = [value.decode() for _, value in found["new2"]]
        assert worker.stop() == 0
        runs = {span.trace for span in collector.named("process ")}
        assert own.split("-")[1] in runs, "a score without an event's trace has its run's"
        spans_say_what_they_are(kafka, collector)
        training_is_linked_with_what_labelled_its_examples(kafka, collector)


def linked(collector: Collector) -> list[Any]:
    assert all(UNSAMPLED not in span.links for span in collector.spans)
    return [span for span in collector.spans if SAMPLED in span.links]


def scores_of(cluster: Cluster) -> dict[str, Any]:
    """Profile -> the headers of its scores."""
    return {
        record.key.decode().partition("/")[2]: tuple(record.headers)
        for record in cluster.read(cluster.topics.scores)
        if record.key is not None
    }


def spans_say_what_they_are(cluster: Cluster, collector: Collector) -> None:
    runs = {span.span: span for span in collector.named(f"process {cluster.topics.events}")}
    for run in runs.values():
        assert run.name == f"process {cluster.topics.events}"
        assert run.about["messaging.system"] == "kafka"
        assert run.about["messaging.batch.message_count"] >= 1
        assert len(run.links) <= MOST_LINKS
        assert run.resource["service.name"] == "penchant"
        assert run.resource["deployment.environment.name"] == "test"
    commits, computes = collector.named("commit"), collector.named("compute")
    commits = [commit for commit in commits if "penchant.scores" in commit.about]
    assert len(commits) == len(computes) == len(runs)
    assert sum(commit.about["penchant.scores"] for commit in commits) > 0
    for commit in commits:
        assert commit.trace == runs[commit.parent].trace
        assert commit.seconds <= runs[commit.parent].seconds


def training_is_linked_with_what_labelled_its_examples(
    cluster: Cluster, collector: Collector
) -> None:
    scoring = {span.span for span in collector.named(f"process {cluster.topics.events}")}
    training = collector.named(f"process {cluster.topics.examples}")
    by_span = {span.span: span for span in training}
    examples = cluster.read(cluster.topics.examples)
    assert sum(span.about["messaging.batch.message_count"] for span in training) == len(examples)
    assert {parent_of(one) for one in examples} == set.union(*(one.linked for one in training))
    assert all(span.linked and span.linked <= scoring for span in training)
    commits = [one for one in collector.named("commit") if "penchant.models" in one.about]
    assert {one.parent for one in commits} <= by_span.keys()
    durable = {one.parent for one in commits}.union(*(one.linked for one in commits))
    assert durable == by_span.keys(), "every run of examples is in one commit"
    for topic in (cluster.topics.models, cluster.topics.insights):
        sent = {parent_of(one) for one in cluster.read(topic)}
        assert sent == {one.parent for one in commits}, topic


def parent_of(record: Any) -> str:
    """The span that a record says it comes from."""
    headers: dict[str, bytes] = dict(record.headers)
    return headers["traceparent"].decode().split("-")[2]


@pytest.mark.embedded
def test_a_collector_that_is_away_stops_nothing(embedded: Cluster) -> None:
    worker = traced(embedded, f"http://{nowhere()}")
    bring_to_speak(embedded, worker)
    started = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - started < 45
    assert "Traceback" not in worker.log.read_text()


def test_nothing_of_it_is_loaded_and_nothing_is_wrapped_when_it_is_off() -> None:
    done = subprocess.run(
        [sys.executable, "-c", OFF, CONFIG], capture_output=True, text=True, check=False
    )
    assert done.stdout == "0 True\n", done.stderr
