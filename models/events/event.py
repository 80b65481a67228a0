"""An experience event, as the engine sees it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Event(Struct, frozen=True, gc=False):
    """One immutable experience event.

    Parameters
    ----------
    event_id
        Unique to the event: repeated ones are recognised by it.
    profile_id
        Whose event it is.
    at
        When it happened, milliseconds since 1970 UTC.
    type
        What happened.
    fields
        The event as it was sent, ``properties`` always an object. Conditions read from it.

    Examples
    --------
    >>> Event("e1", "p1", 0, "login", {"type": "login", "properties": {}}).type
    'login'
    """

    event_id: str
    profile_id: str
    at: int
    type: str
    fields: dict[str, Any]
