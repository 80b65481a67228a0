"""How tickets are laid out in bytes: each by itself, and those of a profile in one piece.

In one piece they stand back to back, for each says how long it is. One whose names are those of
the ticket before it does without them. Sources are mostly the same from ticket to ticket, and
their names a fifth of it.
"""

from __future__ import annotations

import struct

from models.profiles.features import PROFILE_WIDTH, SOURCE_WIDTH

VERSION = 1
VERSION_BYTE = bytes((VERSION,))
#: In one piece stands for the version of a ticket that does without its names.
SAME_NAMES = b"\0"

#: version, goal, T0, probability, model version, sources, length of names, number of attributes
HEADER = struct.Struct("<BIqdIBHB")
#: Of these version, goal, T0, and what says how long the ticket is.
extent = struct.Struct("<BIq12xBHB").unpack_from
FLOAT = 4
#: Bytes of a ticket before its names, by its number of sources.
NUMBERS_END = tuple(
    HEADER.size + (PROFILE_WIDTH + sources * SOURCE_WIDTH) * FLOAT for sources in range(256)
)
LEAST_SIZE = NUMBERS_END[0]


def attributes_end(packed: bytes, at: int, number: int) -> int:
    r"""Where so many attributes end that begin at a place.

    Examples
    --------
    >>> attributes_end(b"..\x01an\x04....", 2, 1)
    10
    """
    for _ in range(number):
        at += 2 + packed[at]  # length and bytes of the name, and the kind
        at += 1 + packed[at]  # length and bytes of the value
    return at


def ids_in(kept: bytes) -> list[tuple[int, int]]:
    """Goal and T0 of each of the tickets in one piece."""
    found = []
    end, size = 0, len(kept)
    while end < size:
        version, goal, t0, sources, names, attributes = extent(kept, end)
        found.append((goal, t0))
        end += NUMBERS_END[sources] + (names if version else 0)
        if attributes:
            end = attributes_end(kept, end, attributes)
    return found


def added(kept: bytes, goal: int, t0: int, ticket: bytes) -> bytes:
    """Tickets in one piece with another one; as they are where one of its goal and T0 is there.

    Examples
    --------
    >>> ticket = HEADER.pack(1, 7, 1000, 0.5, 0, 0, 0, 0) + bytes(32)
    >>> kept = added(b"", 7, 1000, ticket)
    >>> added(kept, 7, 1000, ticket) is kept
    True
    """
    end, size = 0, len(kept)
    names_start = names_end = -1
    while end < size:
        version, one_goal, one_t0, sources, names, attributes = extent(kept, end)
        if one_t0 == t0 and one_goal == goal:
            return kept
        end += NUMBERS_END[sources]
        if version:
            names_start, end = end, end + names
            names_end = end
        if attributes:
            end = attributes_end(kept, end, attributes)
    _, _, _, sources, names, _ = extent(ticket)
    middle = NUMBERS_END[sources]
    end = middle + names
    if kept and kept[names_start:names_end] == ticket[middle:end]:
        return b"".join((kept, SAME_NAMES, ticket[1:middle], ticket[end:]))
    return kept + ticket


def taken_apart(kept: bytes) -> list[bytes]:
    """The tickets in one piece, each whole.

    Examples
    --------
    >>> one, two = (HEADER.pack(1, 7, t0, 0.5, 0, 0, 0, 0) + bytes(32) for t0 in (1, 2))
    >>> kept = added(added(b"", 7, 1, one), 7, 2, two)
    >>> taken_apart(kept) == [one, two], taken_apart(removed(kept, 7, 1)) == [two]
    (True, True)
    """
    found = []
    end, size, names = 0, len(kept), b""
    while end < size:
        start = end
        version, _, _, sources, names_size, attributes = extent(kept, start)
        middle = end = start + NUMBERS_END[sources]
        if version:
            end += names_size
            names = kept[middle:end]
        if attributes:
            end = attributes_end(kept, end, attributes)
        found.append(
            kept[start:end]
            if version
            else b"".join((VERSION_BYTE, kept[start + 1 : middle], names, kept[middle:end]))
        )
    return found


def place(kept: bytes, goal: int, t0: int) -> tuple[int, int, int, int, bytes] | None:
    """Where one of the tickets in one piece stands, and its names, wherever they are said.

    It begins, its names begin, they end, it ends.
    """
    end, size, names = 0, len(kept), slice(0)
    while end < size:
        start = end
        version, one_goal, one_t0, sources, names_size, attributes = extent(kept, start)
        middle = end = start + NUMBERS_END[sources]
        if version:
            end += names_size
            names = slice(middle, end)
        names_end = end
        if attributes:
            end = attributes_end(kept, end, attributes)
        if one_t0 == t0 and one_goal == goal:
            return start, middle, names_end, end, kept[names]
    return None


def removed(kept: bytes, goal: int, t0: int) -> bytes:
    """Tickets in one piece without one of them; as they are where it is not there."""
    found = place(kept, goal, t0)
    if found is None:
        return kept
    start, _, _, end, names = found
    if kept[start] == VERSION and kept[end : end + 1] == SAME_NAMES:  # the next one says them now
        middle = end + NUMBERS_END[extent(kept, end)[3]]
        return b"".join((kept[:start], VERSION_BYTE, kept[end + 1 : middle], names, kept[middle:]))
    return kept[:start] + kept[end:]
