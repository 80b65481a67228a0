"""A span for a run of examples, linked with the runs that labelled them.

A run of examples is learned at once and made durable later, with others. So its span, ``process
TOPIC``, has ``learn`` and ``commit`` under it only when the checkpoint comes with it. A checkpoint
that comes later, because no more examples did, is a ``commit`` under the last recorded run; it is
linked with the others that it makes durable.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from opentelemetry.trace import NonRecordingSpan, SpanContext, use_span

from streams.tracing.context import carried, headers_of
from streams.tracing.runs import MOST_LINKS, Run, RunTraces, own_headers, under_way

Handle = Callable[[int, Any, Any], Awaitable[None]]


class TrainingTraces:
    """Records runs of the examples topic.

    Parameters
    ----------
    traces
        Of the worker.
    """

    def __init__(self, traces: RunTraces) -> None:
        self._traces = traces
        #: Partition -> recorded runs that are learned and not yet durable, the last of them.
        self._pending: dict[int, list[SpanContext]] = {}

    def around(self, handle: Handle) -> Handle:
        """Handling runs of examples, or that none came for a while, in a span."""

        async def traced(number: int, runs: Sequence[Any], ack: Any) -> None:
            pending = self._pending.setdefault(number, [])
            if runs:
                await self._learn(handle, number, runs, ack)
            elif pending:
                last = pending.pop()
                run = Run(headers_of(last), phase=None, earlier=pending)
                with use_span(NonRecordingSpan(last)), under_way(run):
                    await handle(number, (), ack)
            else:
                await handle(number, (), ack)

        return traced

    async def _learn(self, handle: Handle, number: int, runs: Sequence[Any], ack: Any) -> None:
        pending, records = self._pending[number], [one for run in runs for one in run.value]
        contexts = (carried(record.headers) for record in records if record.headers)
        place = self._traces.topics.examples, number, records[0].offset
        with self._traces.span(place, len(records), filter(None, contexts)) as span:
            run = Run(own_headers(span), phase="learn", earlier=pending)
            with under_way(run):
                await handle(number, runs, ack)
            if span.is_recording() and not run.committed:
                pending.append(span.get_span_context())
                del pending[:-MOST_LINKS]

    def forget(self, numbers: set[int]) -> None:
        """Partitions leave: what was not durable is learned elsewhere."""
        for number in numbers:
            self._pending.pop(number, None)
