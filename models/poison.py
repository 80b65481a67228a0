"""Runs of records that crash the engine: where they lie, and how often they have done so.

The note is a row of the partition's own table of profiles. So it is where the partition is,
whoever owns it, it is written by nobody but the owner, and it is gone in the same step that gets
past the place. Why so is told in docs/decisions/0007-poison.md.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from models.errors import StateError

#: Where the note stands in the table of profiles; no profile id has a control character.
CRASH_KEY = b"\x00crash"
#: The dead letter's reason.
POISON = "poison"

_PACKED = struct.Struct("<BqqI")
_VERSION = 1


class Crashes(NamedTuple):
    """Crashes at the same place of a source partition.

    Parameters
    ----------
    first, last
        Offsets; what brings the crashes about lies from the one to the other.
    number
        How often it has happened.

    Examples
    --------
    >>> Crashes(10, 90, 1).again(50, 200)
    Crashes(first=50, last=90, number=2)
    >>> Crashes(10, 90, 2).again(91, 200)
    Crashes(first=91, last=200, number=1)
    >>> unpack_crashes(Crashes(10, 90, 2).pack())
    Crashes(first=10, last=90, number=2)
    """

    first: int
    last: int
    number: int

    def meets(self, first: int, last: int) -> bool:
        """Whether a run of these offsets may hold what brings the crashes about."""
        return first <= self.last and last >= self.first

    def again(self, first: int, last: int) -> Crashes:
        """What is known after another crash, of a run of these offsets.

        Runs are cut anew after every start: what crashed each of them is in all of them.
        """
        if not self.meets(first, last):
            return Crashes(first, last, 1)
        return Crashes(max(self.first, first), min(self.last, last), self.number + 1)

    def pack(self) -> bytes:
        """The row's value."""
        return _PACKED.pack(_VERSION, *self)


def unpack_crashes(packed: bytes) -> Crashes:
    """A note from its bytes.

    Raises
    ------
    StateError
        Written by a newer version, or damaged.
    """
    if packed[:1] != bytes((_VERSION,)) or len(packed) != _PACKED.size:
        raise StateError(
            f"a note of crashes of version {packed[:1].hex()}, this program reads {_VERSION}"
        )
    _, first, last, number = _PACKED.unpack(packed)
    return Crashes(first, last, number)


def crashes_of(profiles: Mapping[bytes, bytes]) -> Crashes | None:
    """The crashes noted in a partition's table of profiles; None when there are none.

    Raises
    ------
    StateError
        As of :func:`unpack_crashes`.
    """
    packed = profiles.get(CRASH_KEY)
    return None if packed is None else unpack_crashes(packed)
