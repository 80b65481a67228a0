"""Receipts: that a profile was erased because somebody asked for it, when, and what went."""

from __future__ import annotations

from datetime import datetime

import orjson
from pydantic import BaseModel, ConfigDict, Field

from models.step import Erasure


class ReceiptSource(BaseModel):
    """The record without a value that asked for it."""

    topic: str
    partition: int
    offset: int


class ReceiptRecord(BaseModel):
    """That a profile was erased: written with the tombstones, or after them."""

    model_config = ConfigDict(extra="allow")

    profile_id: str = Field(description="Whose state, tickets and scores were erased")
    erased_at: str = Field(description="When, by the wall clock, ISO 8601 UTC")
    known: bool = Field(description="Whether there was anything to erase")
    tickets: int = Field(description="How many tickets were open")
    goals: list[str] = Field(description="The goals whose scores were taken back")
    source: ReceiptSource = Field(description="What asked for it")


def encode_receipt(
    erasure: Erasure, goals: list[str], topic: str, partition: int, now: datetime
) -> bytes:
    """The record of an erasure.

    Examples
    --------
    >>> from datetime import UTC
    >>> erasure = Erasure(b"p1", offset=7, known=True, tickets=2)
    >>> encode_receipt(erasure, ["churn"], "events", 0, datetime(2026, 1, 1, tzinfo=UTC))[:60]
    b'{"profile_id":"p1","erased_at":"2026-01-01T00:00:00.000+00:0'
    """
    return orjson.dumps(
        {
            "profile_id": erasure.profile.decode(),
            "erased_at": now.isoformat(timespec="milliseconds"),
            "known": erasure.known,
            "tickets": erasure.tickets,
            "goals": goals,
            "source": {"topic": topic, "partition": partition, "offset": erasure.offset},
        }
    )
