"""What the worker serves over HTTP: metrics, and whether it lives and is ready."""

from __future__ import annotations

from typing import Any

import faust
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from streams.metrics import Metrics

#: Without the character set, which aiohttp does not take as part of it; the format is UTF-8.
EXPOSITION = CONTENT_TYPE_LATEST.partition("; charset")[0]


def add_pages(app: faust.App, metrics: Metrics) -> None:
    """Add /metrics, /livez and /readyz to an app."""

    @app.page("/metrics", name="metrics")
    async def show_metrics(view: Any, _request: Any) -> Any:
        return view.bytes(generate_latest(metrics.registry), content_type=EXPOSITION)

    @app.page("/livez", name="livez")
    async def live(view: Any, _request: Any) -> Any:
        stopping = app.should_stop
        return view.json({"live": not stopping}, status=503 if stopping else 200)

    @app.page("/readyz", name="readyz")
    async def ready(view: Any, _request: Any) -> Any:
        tables: Any = app.tables
        recovered = tables.recovery.completed.is_set() and not app.rebalancing
        return view.json({"ready": recovered}, status=200 if recovered else 503)
