"""A trace's context goes on as it came, or not at all."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from streams.tracing.context import LONGEST_STATE, carried, context_of, headers_of

GOOD = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_context_is_handed_on_byte_by_byte() -> None:
    headers = [("other", b"x"), ("tracestate", b"a=1,b=2"), ("traceparent", GOOD)]
    assert carried(headers) == (("traceparent", GOOD), ("tracestate", b"a=1,b=2"))


@pytest.mark.parametrize(
    "bad",
    [b"", b"nonsense", GOOD.upper(), GOOD + b"-x", GOOD[:-1], b"ff" + GOOD[2:], b"\xff" * 55,
     GOOD.replace(b"0af7651916cd43dd8448eb211c80319c", b"0" * 32),
     GOOD.replace(b"b7ad6b7169203331", b"0" * 16)],
)  # fmt: skip
def test_what_is_no_context_is_not_handed_on(bad: bytes) -> None:
    assert carried([("traceparent", bad), ("tracestate", b"a=1")]) == ()


def test_a_state_that_is_too_long_is_dropped_and_the_context_goes_on() -> None:
    state = ("tracestate", b"a=" + b"x" * LONGEST_STATE)
    assert carried([("traceparent", GOOD), state]) == (("traceparent", GOOD),)


@given(st.binary(max_size=60) | st.from_regex(
    re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"), fullmatch=True))  # fmt: skip
def test_whatever_is_handed_on_opentelemetry_reads_as_we_do(parent: bytes) -> None:
    found = carried([("traceparent", parent)])
    if found:
        context = TraceContextTextMapPropagator().extract({"traceparent": parent.decode()})
        theirs = trace.get_current_span(context).get_span_context()
        ours = context_of(found)
        assert (ours.trace_id, ours.span_id) == (theirs.trace_id, theirs.span_id)
        assert ours.trace_flags.sampled == theirs.trace_flags.sampled


def test_a_context_and_its_headers_are_the_same_thing() -> None:
    headers = carried([("traceparent", GOOD)])
    assert headers_of(context_of(headers)) == headers
