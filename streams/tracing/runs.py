"""A span for a run and its checkpoint, linked with the traces of what it was made of.

A span an event would cost more than the event. So a run has one span, ``process TOPIC``, with a
link to every sampled trace that its events came with (at most :data:`MOST_LINKS`), and under it
``compute`` and ``commit``. The context of an event travels on, unchanged, in the headers of the
scores that it brings about: whoever reads a score goes on with the trace of its event. A score
whose event came without a context gets that of its run, if that is recorded.

Runs of examples are recorded in the same way, see :mod:`streams.tracing.training`: an example
carries the context of the run that labelled it, a snapshot that of the run that sent it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from faust.types import TP
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, Span, SpanContext, SpanKind

from streams.batches import Headers
from streams.checkpoint import Checkpoint, Output, Stage
from streams.topics import Topics
from streams.tracing.context import carried, context_of, headers_of

MOST_LINKS = 64
#: Seconds that the last spans are given at the end.
LAST_SPANS = 5.0

Handle = Callable[[int, list[Any], int], Awaitable[None]]


@dataclass(slots=True)
class Run:
    """What is known of the run under way in a lane.

    Parameters
    ----------
    own
        The context of its span as headers; empty when it is not recorded.
    contexts
        Profile -> the context that its event came with.
    phase
        The name of what comes before a commit; None when nothing does.
    started
        When that began, epoch nanoseconds.
    earlier
        Recorded runs whose work the next commit makes durable as well; it empties them.
    committed
        Whether there has been a commit.
    """

    own: Headers
    contexts: dict[bytes | None, Headers] = field(default_factory=dict)
    phase: str | None = "compute"
    started: int = field(default_factory=time.time_ns)
    earlier: list[SpanContext] = field(default_factory=list)
    committed: bool = False


_run: ContextVar[Run | None] = ContextVar("run", default=None)


@contextmanager
def under_way(run: Run) -> Iterator[None]:
    """While this run is under way, commits are its own."""
    token = _run.set(run)
    try:
        yield
    finally:
        _run.reset(token)


class RunTraces:
    """Records runs, those of the events topic here.

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
        self.tracer = provider.get_tracer("penchant")
        self.topics = topics
        self._about = {
            "messaging.system": "kafka", "messaging.operation.name": "process",
            "messaging.operation.type": "process", "messaging.consumer.group.name": group,
        }  # fmt: skip
        #: Whose records carry the context of the run that sent them.
        self._handed_on = {topics.examples, topics.models, topics.insights}

    def around(self, handle: Handle) -> Handle:
        """Handling a run, in a span."""

        async def traced(number: int, records: list[Any], offset: int) -> None:
            contexts = {
                record.key: context
                for record in records
                if record.headers and (context := carried(record.headers))
            }
            place = self.topics.events, number, records[0].offset if records else offset
            with (
                self.span(place, len(records), contexts.values()) as span,
                under_way(Run(own_headers(span), contexts)),
            ):
                await handle(number, records, offset)

        return traced

    @contextmanager
    def span(
        self, place: tuple[str, int, int], records: int, contexts: Iterable[Headers]
    ) -> Iterator[Span]:
        """A span for a run: its topic, partition and first offset, and how many records it has."""
        topic, number, offset = place
        about: dict[str, Any] = self._about | {
            "messaging.destination.name": topic,
            "messaging.destination.partition.id": str(number),
            "messaging.batch.message_count": records,
            "messaging.kafka.offset": offset,
        }
        with self.tracer.start_as_current_span(
            f"process {topic}", kind=SpanKind.CONSUMER, attributes=about
        ) as span:
            _link(span, contexts)
            yield span

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
        if run.phase is not None:
            self.tracer.start_span(run.phase, start_time=run.started).end()
        about = {f"penchant.{name}": count for name, count in self._counts(source, stages).items()}
        links = [Link(context) for context in run.earlier]
        with self.tracer.start_as_current_span("commit", attributes=about, links=links):
            await inner.commit(source, offset, stages)
        run.earlier.clear()
        run.committed = True
        run.started = time.time_ns()  # a run that is cut into pieces has several of each

    def _carrying(self, output: Output, run: Run) -> Output:
        own, of_profile = run.own, run.contexts.get
        if output.topic in self._handed_on and own:
            return output._replace(headers=[own] * len(output.records))
        if output.topic == self.topics.scores and (run.contexts or own):
            keys = [(key or b"").partition(b"/")[2] for key, _ in output.records]
            return output._replace(headers=[of_profile(key, own) for key in keys])
        return output

    def _counts(self, source: TP, stages: Sequence[Stage]) -> dict[str, int]:
        sent = ("scores", "examples") if source.topic == self.topics.events else ("models",)
        names = {getattr(self.topics, name): name for name in (*sent, "dlq")}
        counts = dict.fromkeys(names.values(), 0)
        for output in (output for stage in stages for output in stage):
            if output.topic in names:
                counts[names[output.topic]] += len(output.records)
        return counts

    async def close(self) -> None:
        """Hand over the last spans, if somebody takes them soon."""
        await asyncio.to_thread(self._provider.force_flush, int(LAST_SPANS * 1000))
        await asyncio.to_thread(self._provider.shutdown)


def own_headers(span: Span) -> Headers:
    """The context of a recorded span as headers."""
    return headers_of(span.get_span_context()) if span.is_recording() else ()


def _link(span: Span, contexts: Iterable[Headers]) -> None:
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
