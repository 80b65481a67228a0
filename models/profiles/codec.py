"""Profiles as bytes: MessagePack behind a version.

What a profile owes to events alone can be told from what it owes to models (its last scores), so
that the first can be compared byte by byte with a recomputation from the events.
"""

from __future__ import annotations

from typing import Any

import msgspec

from models.errors import StateError
from models.profiles.profile import Profile, ProfileHead

VERSION = 1
_VERSION_BYTE = bytes((VERSION,))

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Profile).decode
_decode_head = msgspec.msgpack.Decoder(ProfileHead).decode


def pack(profile: Profile) -> bytes:
    """The bytes of a profile.

    Examples
    --------
    >>> profile = Profile.starting(1000)
    >>> _ = profile.count("event/basket", 1000, 12.5, limit=32)
    >>> unpack(pack(profile)) == profile
    True
    """
    return _VERSION_BYTE + _encode(profile)


def unpack(packed: bytes) -> Profile:
    """A profile from its bytes.

    Raises
    ------
    StateError
        Written by a newer version, or damaged.
    """
    profile: Profile = _read(packed, _decode)
    return profile


def head_of(packed: bytes) -> ProfileHead:
    """Offset, times and scores of a packed profile, without reading the rest.

    Raises
    ------
    StateError
        As of :func:`unpack`.
    """
    head: ProfileHead = _read(packed, _decode_head)
    return head


def owed_to_events(packed: bytes) -> bytes:
    """A packed profile without what it owes to models."""
    profile = unpack(packed)
    profile.scores = {}
    return pack(profile)


def _read(packed: bytes, decode: Any) -> Any:
    if packed[:1] != _VERSION_BYTE:
        found = packed[0] if packed else "none"
        raise StateError(f"a profile state of version {found}, this program reads {VERSION}")
    try:
        return decode(packed[1:])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StateError(f"a damaged profile state of {len(packed)} bytes: {error}") from None
