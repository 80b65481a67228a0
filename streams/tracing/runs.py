"""A span for a run and its checkpoint, linked with the traces of its events.

A span an event would cost more than the event. So a run has one span, ``process TOPIC``, with a
link to every sampled trace that its events came with (at most :data:`MOST_LINKS`), and under it
``compute`` and ``commit``. The context of an event travels on, unchanged, in the headers of the
scores that it brings about: whoever reads a score goes on with the trace of its event. A score
whose event came without a context gets that of its run, if that is recorded.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from faust.types import TP
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span, SpanKind

from streams.checkpoint import Checkpoint, Headers, Outgoing, Output, Stage
from streams.topics import Topics
from streams.tracing.context import carried, context_of, headers_of

MOST_LINKS = 64
#: Seconds that the last spans are given at the end.
LAST_SPANS = 5.0

Handle = Callable[[int, list[Any], int], Awaitable[None]]


@dataclass(slots=True)
class Run:
    """What is known of the run under way in a lane."""

    span: Span
    started: int
    contexts: dict[bytes | None, Headers]
    own: Headers


_run: ContextVar[Run | None] = ContextVar("run", default=None)


class RunTraces:
    """Records runs of the events topic.

    Parameters
    ----------
    provider
        Samples and exports.
    topics
        Their names.
    group
        The consumer group.
    """

    def __init__(self, provider: TracerProvider, topics: Topics, group: str) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("penchant")
        self.topics = topics
        self._about = {
            "messaging.system": "kafka", "messaging.operation.name": "process",
            "messaging.operation.type": "process", "messaging.consumer.group.name": group,
            "messaging.destination.name": topics.events,
        }  # fmt: skip

    def around(self, handle: Handle) -> Handle:
        """Handling a run, in a span."""

        async def traced(number: int, records: list[Any], offset: int) -> None:
            about = self._about | {
                "messaging.destination.partition.id": str(number),
                "messaging.batch.message_count": len(records),
                "messaging.kafka.offset": records[0].offset if records else offset,
            }
            contexts = {
                record.key: context
                for record in records
                if record.headers and (context := carried(record.headers))
            }
            name = f"process {self.topics.events}"
            with self._tracer.start_as_current_span(
                name, kind=SpanKind.CONSUMER, attributes=about
            ) as span:
                _link(span, contexts.values())
                own = headers_of(span.get_span_context()) if span.is_recording() else ()
                token = _run.set(Run(span, time.time_ns(), contexts, own))
                try:
                    await handle(number, records, offset)
                finally:
                    _run.reset(token)

        return traced

    def beside(self, checkpoint: Checkpoint) -> Checkpoint:
        """A checkpoint whose commits are spans, and whose scores carry contexts."""
        return TracedCheckpoint(checkpoint, self)

    async def commit(self, inner: Checkpoint, source: TP, offset: int | None, stages: Any) -> None:
        """Commit what a run brought about; what belongs to no run goes on as it is."""
        run = _run.get()
        if run is None:
            await inner.commit(source, offset, stages)
            return
        stages = [[self._carrying(output, run) for output in stage] for stage in stages]
        self._tracer.start_span("compute", start_time=run.started).end()
        about = {f"penchant.{name}": count for name, count in self._counts(stages).items()}
        with self._tracer.start_as_current_span("commit", attributes=about):
            await inner.commit(source, offset, stages)
        run.started = time.time_ns()  # a run that is cut into pieces has several of each

    def _carrying(self, output: Output, run: Run) -> Output:
        if output.topic != self.topics.scores or not (run.contexts or run.own):
            return output
        own, of_profile = run.own, run.contexts.get
        records = [
            Outgoing(key, value, of_profile(key.partition(b"/")[2], own) if key else own)
            for key, value, _ in output.records
        ]
        return output._replace(records=records)

    def _counts(self, stages: Sequence[Stage]) -> dict[str, int]:
        names = {getattr(self.topics, name): name for name in ("scores", "examples", "dlq")}
        counts = dict.fromkeys(names.values(), 0)
        for output in (output for stage in stages for output in stage):
            if output.topic in names:
                counts[names[output.topic]] += len(output.records)
        return counts

    async def close(self) -> None:
        """Hand over the last spans, if somebody takes them soon."""
        await asyncio.to_thread(self._provider.force_flush, int(LAST_SPANS * 1000))
        await asyncio.to_thread(self._provider.shutdown)


def _link(span: Span, contexts: Any) -> None:
    """Link a recorded span with sampled traces, each once."""
    if not span.is_recording():
        return
    sampled = [headers for headers in dict.fromkeys(contexts) if int(headers[0][1][-2:], 16) & 1]
    for headers in sampled[:MOST_LINKS]:
        span.add_link(context_of(headers))
    span.set_attribute("penchant.traces", len(sampled))


class TracedCheckpoint(Checkpoint):
    """Another checkpoint, seen.

    Parameters
    ----------
    inner
        Does it.
    traces
        Records it.
    """

    def __init__(self, inner: Checkpoint, traces: RunTraces) -> None:
        super().__init__(inner.group, inner.sources, {})
        self.transactional = inner.transactional
        self._inner = inner
        self._traces = traces

    async def own(self, partitions: set[TP]) -> None:
        """As the inner one does."""
        await self._inner.own(partitions)

    async def commit(self, source: TP, offset: int | None, stages: Sequence[Stage]) -> None:
        """As the inner one does, in a span."""
        await self._traces.commit(self._inner, source, offset, stages)

    async def stop(self) -> None:
        """As the inner one does."""
        await self._inner.stop()
