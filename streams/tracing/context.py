"""W3C trace context in the headers of records."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from opentelemetry.trace import SpanContext, TraceFlags, TraceState, format_span_id, format_trace_id

from streams.batches import Headers

PARENT, STATE = "traceparent", "tracestate"
#: As the recommendation has it; what is longer may be dropped.
LONGEST_STATE = 512
#: Version 00; ids that are all zero are no ids.
SHAPE = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def carried(headers: Iterable[tuple[str, bytes]]) -> Headers:
    """The trace context among a record's headers, fit to be handed on; empty if there is none.

    Examples
    --------
    >>> carried([("a", b"1"), ("traceparent", b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01")])
    (('traceparent', b'00-11111111111111111111111111111111-2222222222222222-01'),)
    >>> carried([("traceparent", b"00-" + b"0" * 32 + b"-" + b"2" * 16 + b"-01")])
    ()
    """
    parent = state = None
    for name, value in headers:
        if name == PARENT:
            parent = value
        elif name == STATE:
            state = value
    if not parent or SHAPE.fullmatch(parent) is None:
        return ()
    if state and len(state) <= LONGEST_STATE:
        return (PARENT, parent), (STATE, state)
    return ((PARENT, parent),)


def context_of(headers: Headers) -> SpanContext:
    """The span that a carried context speaks of."""
    found: dict[str, Any] = dict(headers)
    _, trace, span, flags = found[PARENT].decode().split("-")
    state = TraceState.from_header([found.get(STATE, b"").decode(errors="replace")])
    return SpanContext(
        int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)),
        trace_state=state,
    )  # fmt: skip


def headers_of(context: SpanContext) -> Headers:
    """A span's context as headers."""
    trace, span = format_trace_id(context.trace_id), format_span_id(context.span_id)
    return ((PARENT, f"00-{trace}-{span}-{context.trace_flags:02x}".encode()),)
