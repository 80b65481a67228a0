"""The OpenTelemetry Collector itself takes our traces, and writes what a worker said."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from streams.processes import free_port, start, stop, wait_for_port
from tests.streams.tracing.test_runs import (
    SAMPLED,
    UNSAMPLED,
    applied,
    bring_to_speak,
    parent,
    traced,
)
from tests.support.cluster import Cluster, keyed, until
from tests.support.factories import event

pytestmark = [pytest.mark.kafka, pytest.mark.tools("otelcol")]

Span = dict[str, Any]


@contextlib.contextmanager
def collector(binary: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """A collector that writes what it takes to a file; its endpoint and the file."""
    port, written = free_port(), folder / "spans.jsonl"
    config = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
        "exporters": {"file": {"path": str(written), "flush_interval": "200ms"}},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["file"]}},
        },
    }
    (folder / "collector.yaml").write_text(yaml.safe_dump(config))
    process = start(
        [binary, "--config", f"file:{folder / 'collector.yaml'}"], folder / "collector.log"
    )
    try:
        wait_for_port(port, process, 60.0)
        yield f"http://127.0.0.1:{port}", written
    finally:
        stop(process)


def spans_in(file: Path) -> Iterator[tuple[Span, dict[str, str]]]:
    """Every span that is in a collector's file, with what it says of who sent it."""
    for line in file.read_bytes().splitlines():
        for group in orjson.loads(line)["resourceSpans"]:
            about = {one["key"]: one["value"] for one in group["resource"]["attributes"]}
            texts = {key: value.get("stringValue", "") for key, value in about.items()}
            yield from ((span, texts) for scope in group["scopeSpans"] for span in scope["spans"])


def links_of(span: Span) -> set[str]:
    """The spans that a span is linked with."""
    return {link["spanId"] for link in span.get("links", [])}


def test_the_collector_has_the_spans_of_scoring_and_of_training_with_their_links(
    kafka: Cluster, tmp_path: Path, tool: Callable[[str], str]
) -> None:
    with collector(tool("otelcol"), tmp_path) as (endpoint, written):
        worker = traced(kafka, endpoint)
        log = bring_to_speak(kafka, worker)
        one = event("new", log[-1]["timestamp"] + 1)
        kafka.send(keyed([one]), headers=parent(SAMPLED, "01"))
        two = event("newer", log[-1]["timestamp"] + 2)
        kafka.send(keyed([two]), headers=parent(UNSAMPLED, "00"))
        until(lambda: applied(worker) >= len(log) + 2, "two more events")
        assert worker.stop() == 0, "the last spans have been handed over"
    found = list(spans_in(written))
    assert {about["service.name"] for _, about in found} == {"penchant"}
    assert {about["deployment.environment.name"] for _, about in found} == {"test"}
    spans = {span["spanId"]: span for span, _ in found}
    assert len(spans) == len(found)
    parents = {span.get("parentSpanId") or None for span in spans.values()} - {None}
    assert parents <= spans.keys(), "no span is lost"
    scoring, training = (
        {number: span for number, span in spans.items() if span["name"] == f"process {topic}"}
        for topic in (kafka.topics.events, kafka.topics.examples)
    )
    traces = {link["traceId"] for span in scoring.values() for link in span.get("links", [])}
    assert traces == {SAMPLED}
    assert training
    for span in training.values():
        assert links_of(span)
        assert links_of(span) <= scoring.keys()
    assert {span["name"] for span in spans.values() if span not in (
        *scoring.values(), *training.values()
    )} == {"compute", "learn", "commit"}  # fmt: skip
