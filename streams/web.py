"""What the worker serves over HTTP: metrics, and whether it lives and is ready."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

import faust
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from models.errors import PenchantError
from streams.metrics import Metrics
from streams.processes import free_port
from streams.settings import Settings
from streams.vitals import Vitals


class PortError(PenchantError):
    """The port of /metrics and health cannot be had."""


def add_pages(app: faust.App, metrics: Metrics, vitals: Vitals) -> None:
    """Add /metrics, /livez and /readyz to an app."""

    @app.page("/metrics", name="metrics")
    async def show_metrics(view: Any, request: Any) -> Any:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        # The header as a whole: aiohttp does not take a character set as part of a type.
        headers = {"Content-Type": content_type}
        registry = asked_for(metrics.registry, request.query.getall("name[]", []))
        return view.bytes(encode(registry), headers=headers)

    @app.page("/livez", name="livez")
    async def live(view: Any, _request: Any) -> Any:
        why_not = vitals.dead
        return view.json({"live": why_not is None, "why_not": why_not}, status=_status(why_not))

    @app.page("/readyz", name="readyz")
    async def ready(view: Any, _request: Any) -> Any:
        why_not = vitals.unready
        return view.json({"ready": why_not is None, "why_not": why_not}, status=_status(why_not))


def asked_for(registry: CollectorRegistry, names: Sequence[str]) -> Collector:
    """The metrics of some names, or all where none is named: as prometheus-client serves them."""
    return registry.restricted_registry(names) if names else registry


def _status(why_not: str | None) -> int:
    return 200 if why_not is None else 503


def require_port(settings: Settings) -> Settings:
    """Make sure that the port of /metrics can be had, before anything else is started.

    Returns
    -------
    The settings, with a port that is free where any will do: Faust takes no 0.

    Raises
    ------
    PortError
        Somebody listens there, or it may not be listened on.
    """
    host, port = settings.web_host, settings.web_port or free_port()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortError(
                f"{host}:{port}, where /metrics is to be served, cannot be had "
                f"({error.strerror}). PENCHANT_WEB_PORT says which port to take instead, 0 for "
                "any that is free; PENCHANT_WEB_HOST says on which address."
            ) from None
    return settings.model_copy(update={"web_port": port})
