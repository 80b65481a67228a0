"""What traces cost a run of a thousand events, beside the time that such a run takes.

``python -m benchmarks.tracing``: the wrapping alone, with no engine inside and an exporter that
throws away, so that only our part and OpenTelemetry's are measured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from aiokafka.structs import ConsumerRecord
from faust.types import TP
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from streams.checkpoint import Checkpoint, Ordered, Output
from streams.settings import Settings
from streams.topics import topics_of
from streams.tracing.runs import RunTraces

EVENTS, RUNS, ROUNDS = 1_000, 50, 7
TOPICS = topics_of(Settings())


class Nowhere(SpanExporter):
    """Throws spans away."""

    def export(self, spans: Any) -> SpanExportResult:
        return SpanExportResult.SUCCESS


class Nothing(Ordered):
    """Commits nothing."""

    async def commit(self, source: TP, offset: int | None, stages: Sequence[Any]) -> None:
        return


def records(traced: bool) -> list[Any]:
    found = []
    for number in range(EVENTS):
        context = b"00-%032x-%016x-01" % (number + 1, number + 1)
        headers = (("traceparent", context),) if traced else ()
        found.append(ConsumerRecord(TOPICS.events, 0, number, 0, 0, b"p%d" % number, b"{}", None,
                                    0, 2, headers))  # fmt: skip
    return found


def seconds(share: float | None, run: list[Any]) -> float:
    """Seconds a run, the best of some rounds."""
    checkpoint: Checkpoint = Nothing("g", TOPICS.sources, {})
    scores = Output(TOPICS.scores, 0, [(b"churn/" + one.key, b"{}") for one in run])
    source = TP(TOPICS.events, 0)

    async def handle(_number: int, _records: list[Any], offset: int) -> None:
        await checkpoint.commit(source, offset, [[scores]])

    work = handle
    if share is not None:
        provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(share)))
        provider.add_span_processor(BatchSpanProcessor(Nowhere()))
        traces = RunTraces(provider, TOPICS, "g")
        checkpoint, work = traces.beside(checkpoint), traces.around(handle)  # type: ignore[assignment]

    async def many() -> float:
        started = time.perf_counter()
        for _ in range(RUNS):
            await work(0, run, EVENTS)
        return (time.perf_counter() - started) / RUNS

    return min(asyncio.run(many()) for _ in range(ROUNDS))


def main() -> None:
    print("| traces | events carry a context | microseconds an event |\n| --- | --- | --- |")
    for share, name in ((None, "off"), (0.01, "1 run in 100"), (1.0, "every run")):
        for traced in (False, True):
            took = seconds(share, records(traced)) / EVENTS * 1e6
            print(f"| {name} | {'yes' if traced else 'no'} | {took:.2f} |")


if __name__ == "__main__":
    main()
