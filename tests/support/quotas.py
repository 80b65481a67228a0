"""Quotas of Apache Kafka: so many bytes a second, and the broker makes the client wait."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from kafka.errors import for_code
from kafka.protocol.admin.client_quotas import AlterClientQuotasRequest

from streams.admin import admin_client
from streams.settings import Settings
from tests.support.cluster import LOAD

UNBOUND = 1e12

Entry = AlterClientQuotasRequest.EntryData


@contextlib.contextmanager
def throttled(settings: Settings, rates: Mapping[str, float]) -> Iterator[None]:
    """Quotas for each client by itself, but for the one that sends a test's load.

    Parameters
    ----------
    settings
        Where the broker is.
    rates
        ``producer_byte_rate`` and ``consumer_byte_rate``.
    """
    _alter(settings, None, rates, remove=False)
    _alter(settings, LOAD, dict.fromkeys(rates, UNBOUND), remove=False)
    try:
        yield
    finally:
        _alter(settings, None, rates, remove=True)
        _alter(settings, LOAD, rates, remove=True)


def _alter(
    settings: Settings, client: str | None, rates: Mapping[str, float], *, remove: bool
) -> None:
    entity = Entry.EntityData(entity_type="client-id", entity_name=client)
    changes = [Entry.OpData(key=key, value=rate, remove=remove) for key, rate in rates.items()]
    request = AlterClientQuotasRequest(
        entries=[Entry(entity=[entity], ops=changes)], validate_only=False
    )
    with admin_client(settings) as admin:
        untyped: Any = admin

        def errors(response: Any) -> Iterator[Any]:
            return (for_code(entry.error_code) for entry in response.entries)

        untyped._manager.run(untyped._send_request_to_controller, request, errors, True)
