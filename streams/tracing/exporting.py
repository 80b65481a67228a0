"""Where spans go: over OTLP to a collector, as OpenTelemetry's own variables say.

``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_EXPORTER_OTLP_HEADERS``, ``OTEL_SERVICE_NAME``,
``OTEL_RESOURCE_ATTRIBUTES`` and their like are read by OpenTelemetry itself. Spans are handed over
in batches by a thread of its own; what a collector that is away cannot take is dropped, and never
waited for.
"""

from __future__ import annotations

from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased


def new_provider(share: float) -> TracerProvider:
    """A provider that records a share of the traces that begin here, and exports them."""
    ours = Resource.create({"service.name": "penchant", "service.version": version("penchant")})
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(share)),
        resource=ours.merge(OTELResourceDetector().detect()),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
