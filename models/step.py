"""What goes into a step of the engine and what comes out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from msgspec import Struct

from models.goals.examples import Example
from models.goals.tickets import ticket_key

Row = tuple[bytes, bytes | None]


class TicketChange(Struct, frozen=True, gc=False):
    """A ticket written, or deleted.

    Parameters
    ----------
    profile
        Key of the profile.
    ticket
        Key of the goal, and T0.
    value
        The packed ticket; None when it is gone.
    """

    profile: bytes
    ticket: tuple[int, int]
    value: bytes | None

    @property
    def row(self) -> Row:
        """The row of the table."""
        return ticket_key(self.profile, *self.ticket), self.value


class Record(Protocol):
    """A source record, as a Kafka consumer hands it over."""

    @property
    def key(self) -> bytes | None:
        """The profile id."""

    @property
    def value(self) -> bytes | None:
        """An event, or None to erase the profile."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""

    @property
    def timestamp(self) -> int | None:
        """When Kafka took it, milliseconds; None where there is no Kafka."""


class PlainRecord(NamedTuple):
    """A source record without Kafka."""

    key: bytes | None
    value: bytes | None
    offset: int
    timestamp: int | None = None


class Refusal(NamedTuple):
    """A record that cannot be applied, for the dead-letter topic."""

    record: Record
    reason: str
    message: str


class Erasure(NamedTuple):
    """A profile erased by a null value: what a receipt says.

    Parameters
    ----------
    profile
        Its key.
    offset
        Of the record that asked for it.
    known
        Whether there was anything to erase.
    tickets
        How many tickets were open.
    """

    profile: bytes
    offset: int
    known: bool
    tickets: int


@dataclass(slots=True)
class Step:
    """What changes and what leaves, all of it or nothing.

    Parameters
    ----------
    profiles
        Rows of the table; None deletes. The clock is among them.
    tickets
        What became of tickets.
    scores
        Records of the scores topic: ``goal/profile_id`` and a score, or None to withdraw it.
    examples
        Labelled tickets, in the order of their due times.
    refused
        Records for the dead-letter topic.
    erasures
        Profiles erased because a record asked for it.
    counts
        What was counted, by name, for the metrics.
    taken
        How many records it took of those it was given.
    """

    profiles: list[Row] = field(default_factory=list)
    tickets: list[TicketChange] = field(default_factory=list)
    scores: list[Row] = field(default_factory=list)
    examples: list[Example] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    erasures: list[Erasure] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    taken: int = 0
