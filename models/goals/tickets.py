"""Tickets: a profile's present, kept until its future is known.

A ticket is written once, when it opens, and deleted when it is over. Its packed value is
self-contained: goal, T0, the probability then, and the raw features as float32. It says how long
it is, so that the tickets of a profile can be kept back to back.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from models.config.durations import DAY
from models.errors import StateError
from models.goals.layout import (
    FLOAT,
    HEADER,
    LEAST_SIZE,
    NUMBERS_END,
    VERSION,
    VERSION_BYTE,
    added,
    attributes_end,
    extent,
    ids_in,
    place,
    removed,
    taken_apart,
)
from models.profiles.features import PROFILE_WIDTH, SOURCE_WIDTH, RawFeatures, RawProfile
from models.profiles.names import pack_names, unpack_names

#: Byte where goal and T0 stand, which is what looking for tickets needs.
ID = struct.Struct("<Iq")
ID_AT = 1
#: What follows the profile in a ticket's key: goal and T0.
KEY_END = b"/%08x/%d"
#: Milliseconds from T0 after which the ticket of a goal that is no more is let go: long enough for
#: a goal to be put back, and for most windows.
ABANDONED_AFTER = 400 * DAY

#: Bytes of the numbers of a profile, and of one of its sources.
PROFILE_SIZE, ROW_SIZE = PROFILE_WIDTH * FLOAT, SOURCE_WIDTH * FLOAT

Packed = bytes
#: Stands for a ticket that is in a book, where it is looked up when it is needed.
IN_BOOK: Packed = b""


class Ticket(Struct, frozen=True, gc=False):
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
            raw.numbers.tobytes(),
            names,
            _pack_attributes(raw.attributes),
        )
    )  # fmt: skip


def pack_tickets(
    goal: int, t0s: Sequence[int], said: Sequence[float] | None, version: int, raw: RawFeatures
) -> list[Packed]:
    """The bytes of many tickets of one goal, each as :func:`pack_ticket` makes it.

    Parameters
    ----------
    goal
        Key of the goal.
    t0s
        When they were opened, milliseconds.
    said, version
        The probabilities by the model of this version; None and 0 when there was none yet.
    raw
        The features of each at its T0.
    """
    profiles, rows, head = raw.profile.tobytes(), raw.rows.tobytes(), HEADER.pack
    known: dict[tuple[str, ...], bytes] = {}
    packed, at, start = [], 0, 0
    told = said or [math.nan] * len(t0s)
    for t0, p, sources, attributes in zip(t0s, told, raw.names, raw.attributes, strict=True):
        names = known.get(sources)
        if names is None:
            names = known[sources] = pack_names(sources)
        number = len(sources)
        end = start + number * ROW_SIZE
        packed.append(
            b"".join(
                (
                    head(VERSION, goal, t0, p, version, number, len(names), len(attributes)),
                    profiles[at : at + PROFILE_SIZE],
                    rows[start:end],
                    names,
                    _pack_attributes(attributes) if attributes else b"",
                )
            )
        )
        at, start = at + PROFILE_SIZE, end
    return packed


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
        numbers = np.frombuffer(
            packed, np.float32, PROFILE_WIDTH + sources * SOURCE_WIDTH, HEADER.size
        )
        at = NUMBERS_END[sources]
        raw = RawProfile(
            numbers,
            unpack_names(packed[at : at + names]),
            dict(_unpack_attributes(packed, at + names, attributes)) if attributes else {},
        )
    except (struct.error, ValueError) as error:
        raise StateError(f"a damaged ticket of {len(packed)} bytes: {error}") from None
    return Ticket(goal, t0, None if math.isnan(probability) else probability, version, raw)


def require_readable(packed: Packed) -> None:
    """Refuse a ticket whose header cannot be one of ours, or that is not as long as it says.

    Raises
    ------
    StateError
        Written by a newer version, or damaged.
    """
    if not packed or packed[0] != VERSION:
        raise StateError(f"a ticket of version {packed[:1].hex()}, this program reads {VERSION}")
    try:
        _, _, _, sources, names, attributes = extent(packed)
        end = NUMBERS_END[sources] + names
        if attributes:
            end = attributes_end(packed, end, attributes)
    except (struct.error, IndexError):
        end = -1
    if end != len(packed):
        raise StateError(f"a damaged ticket of {len(packed)} bytes: not as long as it says")


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
    return profile + KEY_END % (goal, t0)


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
    """The tickets of a partition by profile, in order of opening.

    Those of a profile stand back to back in one piece of bytes, names that repeat only once: a
    million profiles have millions of tickets, and as objects in lists each would take a third more.

    Examples
    --------
    >>> book = TicketBook()
    >>> raw = RawProfile(np.zeros(8, np.float32), (), {})
    >>> ticket = pack_ticket(Ticket(7, 1000, None, 0, raw))
    >>> book.apply(ticket_key(b"p1", 7, 1000), ticket)
    >>> book.of(b"p1") == [ticket], len(book)
    (True, 1)
    >>> book.apply(ticket_key(b"p1", 7, 1000), None)
    >>> book.of(b"p1"), len(book)
    ([], 0)
    """

    def __init__(self) -> None:
        self._by_profile: dict[bytes, bytes] = {}
        self._number = 0

    def __len__(self) -> int:
        return self._number

    def __iter__(self) -> Iterator[tuple[bytes, list[Packed]]]:
        return ((profile, self.of(profile)) for profile in self._by_profile)

    def by_goal(self) -> dict[int, tuple[array[int], list[bytes]]]:
        """T0 and profile of all tickets, by goal."""
        found: defaultdict[int, tuple[array[int], list[bytes]]]
        found = defaultdict(lambda: (array("q"), []))
        for profile, kept in self._by_profile.items():
            for goal, t0 in ids_in(kept):
                moments, profiles = found[goal]
                moments.append(t0)
                profiles.append(profile)
        return found

    def of(self, profile: bytes) -> list[Packed]:
        """The tickets of a profile."""
        return taken_apart(self._by_profile.get(profile, b""))

    def ids(self, profile: bytes) -> list[tuple[int, int]]:
        """Goal and T0 of the tickets of a profile."""
        return ids_in(self._by_profile.get(profile, b""))

    def get(self, profile: bytes, ticket: tuple[int, int]) -> Packed | None:
        """A ticket by its profile, goal and T0."""
        kept = self._by_profile.get(profile, b"")
        found = place(kept, *ticket)
        if found is None:
            return None
        start, middle, names_end, end, names = found
        return b"".join((VERSION_BYTE, kept[start + 1 : middle], names, kept[names_end:end]))

    def share_keys(self, profiles: Iterable[bytes]) -> None:
        """Let profiles be known by these very objects, where they are equal: each is held once."""
        kept = self._by_profile
        shared = {profile: kept[profile] for profile in profiles if profile in kept}
        self._by_profile = shared | kept if len(shared) < len(kept) else shared

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

    def apply_many(self, records: Iterable[Any]) -> None:
        """Take over records of the table, one after the other, as :meth:`apply` does.

        Of the millions in a log that is recovered nearly all are tickets without attributes that
        are not there yet: at these no more is looked than it takes to see that they are.
        """
        kept_of = self._by_profile
        goals: dict[bytes, int] = {}  # as keys have them
        for record in records:
            key, value = record.key, record.value
            parts = key.rsplit(b"/", 2)
            if value is None or len(value) < LEAST_SIZE or value[0] != VERSION or len(parts) != 3:
                self.apply(key, value)
                continue
            profile, goal_text, t0_text = parts
            _, goal, t0, sources, names, attributes = extent(value)
            named = goals.get(goal_text) == goal and t0_text.isdigit() and int(t0_text) == t0
            if not named or attributes or len(value) != NUMBERS_END[sources] + names:
                self.apply(key, value)
                goals[goal_text] = int(goal_text, 16)
                continue
            kept = kept_of.get(profile, b"")
            kept_of[profile] = longer = added(kept, goal, t0, value) if kept else value
            if longer is kept:
                self.change(profile, (goal, t0), value)
            else:
                self._number += 1

    def put(self, profile: bytes, value: Packed) -> None:
        """Put a ticket."""
        self.change(profile, id_of(value), value)

    def change(self, profile: bytes, ticket: tuple[int, int], value: Packed | None) -> None:
        """Put a ticket by its goal and T0, or take it out."""
        kept = self._by_profile.get(profile, b"")
        if value is not None and (longer := added(kept, *ticket, value)) is not kept:
            self._by_profile[profile] = longer
            self._number += 1
            return
        if kept and (shorter := removed(kept, *ticket)) is not kept:
            kept = shorter
            self._number -= 1
        if value is not None:
            kept = added(kept, *ticket, value)
            self._number += 1
        if kept:
            self._by_profile[profile] = kept
        else:
            self._by_profile.pop(profile, None)


def _pack_attributes(attributes: Mapping[str, float | str]) -> bytes:
    return b"".join([_pack_attribute(*item) for item in sorted(attributes.items())])


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
