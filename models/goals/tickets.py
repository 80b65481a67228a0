"""Tickets: a profile's present, kept until its future is known.

A ticket is written once, when it opens, and deleted when it is over. Its packed value is
self-contained: goal, T0, the probability then, and the raw features as float32.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from models.config.durations import DAY
from models.errors import StateError
from models.profiles.features import PROFILE_WIDTH, SOURCE_WIDTH, RawProfile
from models.profiles.names import pack_names, unpack_names

VERSION = 1

#: version, goal, T0, probability, model version, sources, length of names, number of attributes
HEADER = struct.Struct("<BIqdIBHB")
#: Byte where goal and T0 stand, which is what looking for tickets needs.
ID = struct.Struct("<Iq")
ID_AT = 1
FLOAT = 4
#: Milliseconds from T0 after which the ticket of a goal that is no more is let go: long enough for
#: a goal to be put back, and for most windows.
ABANDONED_AFTER = 400 * DAY

Packed = bytes


class Ticket(NamedTuple):
    """A promise to learn.

    Parameters
    ----------
    goal
        Key of the goal.
    t0
        When it was opened, milliseconds.
    probability
        What the model of the time said; None when there was none yet.
    model_version
        Version of that model; 0 for none.
    raw
        The features of T0.
    """

    goal: int
    t0: int
    probability: float | None
    model_version: int
    raw: RawProfile


def pack_ticket(ticket: Ticket) -> Packed:
    """The bytes of a ticket."""
    raw = ticket.raw
    names = pack_names(raw.names)
    probability = math.nan if ticket.probability is None else ticket.probability
    return b"".join(
        (
            HEADER.pack(
                VERSION, ticket.goal, ticket.t0, probability, ticket.model_version,
                len(raw.names), len(names), len(raw.attributes),
            ),
            raw.profile.tobytes(),
            raw.rows.tobytes(),
            names,
            *[_pack_attribute(*item) for item in sorted(raw.attributes.items())],
        )
    )  # fmt: skip


def unpack_ticket(packed: Packed) -> Ticket:
    """A ticket from its bytes.

    Raises
    ------
    StateError
        Written by a newer version, or damaged.
    """
    require_readable(packed)
    try:
        _, goal, t0, probability, version, sources, names, attributes = HEADER.unpack_from(packed)
        at = HEADER.size
        profile = np.frombuffer(packed, np.float32, PROFILE_WIDTH, at)
        at += PROFILE_WIDTH * FLOAT
        rows = np.frombuffer(packed, np.float32, sources * SOURCE_WIDTH, at)
        at += sources * SOURCE_WIDTH * FLOAT
        known = unpack_names(packed[at : at + names])
        raw = RawProfile(
            profile,
            known,
            rows.reshape(sources, SOURCE_WIDTH),
            dict(_unpack_attributes(packed, at + names, attributes)) if attributes else {},
        )
    except (struct.error, ValueError) as error:
        raise StateError(f"a damaged ticket of {len(packed)} bytes: {error}") from None
    return Ticket(goal, t0, None if math.isnan(probability) else probability, version, raw)


def require_readable(packed: Packed) -> None:
    """Refuse a ticket whose header cannot be one of ours.

    Raises
    ------
    StateError
        Written by a newer version, or damaged.
    """
    if not packed or packed[0] != VERSION:
        raise StateError(f"a ticket of version {packed[:1].hex()}, this program reads {VERSION}")
    if len(packed) < HEADER.size:
        raise StateError(f"a damaged ticket of {len(packed)} bytes: its header takes {HEADER.size}")


def id_of(packed: Packed) -> tuple[int, int]:
    """Goal and T0 of a packed ticket."""
    return ID.unpack_from(packed, ID_AT)


def ticket_key(profile: bytes, goal: int, t0: int) -> bytes:
    """The key of a ticket in its table.

    Examples
    --------
    >>> split_key(ticket_key(b"p/1", 7, 1000))
    (b'p/1', 7, 1000)
    """
    return b"%s/%08x/%d" % (profile, goal, t0)


def split_key(key: bytes) -> tuple[bytes, int, int]:
    """Profile, goal and T0 of a ticket's key.

    Raises
    ------
    StateError
        It is no such key.
    """
    try:
        profile, goal, t0 = key.rsplit(b"/", 2)
        return profile, int(goal, 16), int(t0)
    except ValueError:
        raise StateError(f"a ticket's key of {len(key)} bytes that names no ticket") from None


class TicketBook:
    """The tickets of a partition by profile: a list of packed tickets each, in order of opening.

    Examples
    --------
    >>> book = TicketBook()
    >>> raw = RawProfile(np.zeros(8, np.float32), (), np.zeros((0, 10), np.float32), {})
    >>> ticket = pack_ticket(Ticket(7, 1000, None, 0, raw))
    >>> book.apply(ticket_key(b"p1", 7, 1000), ticket)
    >>> book.of(b"p1") == [ticket], len(book)
    (True, 1)
    >>> book.apply(ticket_key(b"p1", 7, 1000), None)
    >>> book.of(b"p1"), len(book)
    ([], 0)
    """

    def __init__(self) -> None:
        self._by_profile: dict[bytes, list[Packed]] = {}
        self._number = 0

    def __len__(self) -> int:
        return self._number

    def __iter__(self) -> Iterator[tuple[bytes, list[Packed]]]:
        return iter(self._by_profile.items())

    def of(self, profile: bytes) -> list[Packed]:
        """The tickets of a profile; not to be changed."""
        return self._by_profile.get(profile, [])

    def apply(self, key: bytes, value: Packed | None) -> None:
        """Take over a record of the table: a ticket, or that it is gone.

        Raises
        ------
        StateError
            The key or the ticket was written by a newer version, or is damaged.
        """
        profile, goal, t0 = split_key(key)
        if value is not None:
            require_readable(value)
        self.change(profile, (goal, t0), value)

    def put(self, profile: bytes, value: Packed) -> None:
        """Put a ticket."""
        self.change(profile, id_of(value), value)

    def change(self, profile: bytes, ticket: tuple[int, int], value: Packed | None) -> None:
        """Put a ticket by its goal and T0, or take it out."""
        kept = self._by_profile.get(profile)
        if kept is None:
            if value is not None:
                self._by_profile[profile] = [value]
                self._number += 1
            return
        before = len(kept)
        kept[:] = [one for one in kept if id_of(one) != ticket]
        if value is not None:
            kept.append(value)
        self._number += len(kept) - before
        if not kept:
            del self._by_profile[profile]


def _pack_attribute(name: str, value: float | str) -> bytes:
    kind, data = (b"t", value.encode()) if isinstance(value, str) else (
        b"n", struct.pack("<f", value)
    )  # fmt: skip
    return b"".join((bytes((len(name),)), name.encode(), kind, bytes((len(data),)), data))


def _unpack_attributes(packed: bytes, at: int, number: int) -> Iterator[tuple[str, float | str]]:
    for _ in range(number):
        end = at + 1 + packed[at]
        name, kind, start = packed[at + 1 : end].decode(), packed[end : end + 1], end + 2
        at = start + packed[end + 1]
        data = packed[start:at]
        yield name, data.decode() if kind == b"t" else struct.unpack("<f", data)[0]
