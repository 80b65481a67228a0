"""Which traces are recorded: a share of those that begin here, and what a parent has decided."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from streams.tracing.exporting import new_provider

ROOTS = 20_000


@pytest.fixture
def quarter(monkeypatch: pytest.MonkeyPatch) -> TracerProvider:
    """Records one trace in four; nothing ends in it, so nothing is sent."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    return new_provider(0.25)


def test_about_a_quarter_of_the_traces_that_begin_here_is_recorded(quarter: TracerProvider) -> None:
    tracer = quarter.get_tracer("test")
    spans = [tracer.start_span("root") for _ in range(ROOTS)]
    recorded = [one for one in spans if one.is_recording()]
    # Five standard deviations: once in two million runs it is further off.
    assert abs(len(recorded) - ROOTS / 4) < 5 * (ROOTS * 0.25 * 0.75) ** 0.5
    assert all(one.get_span_context().trace_flags.sampled for one in recorded)


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("is_remote", [True, False])
def test_a_parent_decides_for_its_children(
    quarter: TracerProvider, sampled: bool, is_remote: bool
) -> None:
    tracer, ids = quarter.get_tracer("test"), RandomIdGenerator()
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    for _ in range(200):
        parent = SpanContext(ids.generate_trace_id(), ids.generate_span_id(), is_remote, flags)
        child = tracer.start_span("child", set_span_in_context(NonRecordingSpan(parent)))
        assert child.is_recording() is sampled
        assert child.get_span_context().trace_id == parent.trace_id
