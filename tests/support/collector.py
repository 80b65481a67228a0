"""A collector of OpenTelemetry's protocol: takes traces over HTTP as its definitions say.

Requests and answers are the messages of OpenTelemetry's own trace service (opentelemetry-proto);
what is not one of them is refused as a collector refuses it.
"""

from __future__ import annotations

import contextlib
import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

CONTENT = "application/x-protobuf"


class Span(NamedTuple):
    """A span as it arrived."""

    name: str
    trace: str
    span: str
    parent: str
    links: set[str]
    linked: set[str]
    about: dict[str, Any]
    resource: dict[str, Any]
    seconds: float


class Collector:
    """What has arrived so far.

    Parameters
    ----------
    server
        Where it listens.
    """

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        self.spans: list[Span] = []

    def named(self, beginning: str) -> list[Span]:
        """Spans whose name begins so."""
        return [span for span in list(self.spans) if span.name.startswith(beginning)]

    def take(self, request: ExportTraceServiceRequest) -> None:
        """Keep the spans of a request."""
        for group in request.resource_spans:
            resource = _values(group.resource.attributes)
            self.spans += [
                Span(
                    one.name, one.trace_id.hex(), one.span_id.hex(), one.parent_span_id.hex(),
                    {link.trace_id.hex() for link in one.links},
                    {link.span_id.hex() for link in one.links}, _values(one.attributes), resource,
                    (one.end_time_unix_nano - one.start_time_unix_nano) / 1e9,
                )
                for scope in group.scope_spans for one in scope.spans
            ]  # fmt: skip


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path != "/v1/traces" or self.headers["Content-Type"] != CONTENT:
                self._answer(404, b"")
                return
            try:
                collector.take(ExportTraceServiceRequest.FromString(body))
            except DecodeError:
                self._answer(400, b"")
                return
            self._answer(200, ExportTraceServiceResponse().SerializeToString())

        def _answer(self, code: int, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", CONTENT)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(server)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield collector
        server.shutdown()
        thread.join()
