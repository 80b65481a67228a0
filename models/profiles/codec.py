"""Profiles as bytes: compact, little-endian, with a version in front.

What a profile owes to events alone comes first and what it owes to models (its last scores) after
it, so that the first part can be compared byte by byte with a recomputation from the events.

====================  ==========================================================
header                version, counts of what follows, offset, times, active days
rows                  sources x 10 float64
marks                 (key uint32, time int64) each
progress              (goal uint32, T0 int64, progress uint64) each
recent                uint64 each
sources               names joined by line feeds
attributes            (name, time, number or text) each
--- scores            (goal uint32, score float64, time int64) each
====================  ==========================================================
"""

from __future__ import annotations

import struct
from functools import lru_cache

from models.errors import StateError
from models.profiles.days import Days
from models.profiles.profile import Attribute, Profile
from models.profiles.rows import SIZE

VERSION = 1

#: version, rows, marks, progress, recent, scores, length of names, length of attributes,
#: offset, first, last, latest day, bits, number of days, four decayed numbers of days
HEADER = struct.Struct("<BBBHBBHHqqqiQI4d")
MARK = struct.Struct("<Iq")
PROGRESS = struct.Struct("<IqQ")
SCORE = struct.Struct("<Idq")
RECENT = [struct.Struct(f"<{number}Q") for number in range(256)]
TIMES = struct.Struct("<qqq")
TIMES_AT = 11
NUMBER = struct.Struct("<qd")
TEXT = struct.Struct("<qB")


@lru_cache(maxsize=8_192)
def _names(packed: bytes) -> tuple[str, ...]:
    return tuple(packed.decode().split("\n")) if packed else ()


@lru_cache(maxsize=8_192)
def _packed_names(names: tuple[str, ...]) -> bytes:
    return "\n".join(names).encode()


def pack(profile: Profile) -> bytes:
    """The bytes of a profile.

    Examples
    --------
    >>> profile = Profile.starting(1000)
    >>> profile.count("event/basket", 1000, 12.5, limit=32)
    >>> unpack(pack(profile)) == profile
    True
    """
    names = _packed_names(tuple(profile.sources))
    attributes = b"".join(_pack_attribute(*item) for item in sorted(profile.attributes.items()))
    days = profile.days
    return b"".join(
        (
            HEADER.pack(
                VERSION, len(profile.sources), len(profile.marks), len(profile.progress),
                len(profile.recent), len(profile.scores), len(names), len(attributes),
                profile.offset, profile.first, profile.last,
                days.latest, days.bits, days.number, *days.decayed,
            ),
            profile.rows,
            *[MARK.pack(*mark) for mark in sorted(profile.marks.items())],
            *[PROGRESS.pack(*key, made) for key, made in sorted(profile.progress.items())],
            RECENT[len(profile.recent)].pack(*profile.recent),
            names,
            attributes,
            *[SCORE.pack(key, *last) for key, last in sorted(profile.scores.items())],
        )
    )  # fmt: skip


def unpack(packed: bytes) -> Profile:
    """A profile from its bytes.

    Raises
    ------
    StateError
        Written by a newer version, or damaged.
    """
    _check_version(packed)
    try:
        return _unpack(packed)
    except (struct.error, UnicodeDecodeError, ValueError) as error:
        raise StateError(f"a damaged profile state of {len(packed)} bytes: {error}") from None


def times_of(packed: bytes) -> tuple[int, int, int]:
    """Offset, first and last of a packed profile, without reading the rest."""
    _check_version(packed)
    offset, first, last = TIMES.unpack_from(packed, TIMES_AT)
    return offset, first, last


def owed_to_events(packed: bytes) -> bytes:
    """The part of a packed profile that depends on events alone."""
    counts = HEADER.unpack_from(packed)
    scores = bytearray(packed[: len(packed) - counts[5] * SCORE.size])
    scores[6] = 0  # the number of scores
    return bytes(scores)


def _check_version(packed: bytes) -> None:
    if not packed or packed[0] != VERSION:
        found = packed[0] if packed else "none"
        raise StateError(f"a profile state of version {found}, this program reads {VERSION}")


def _unpack(packed: bytes) -> Profile:
    (
        _, rows, marks, progress, recent, scores, names, attributes,
        offset, first, last, day, bits, number, *decayed,
    ) = HEADER.unpack_from(packed)  # fmt: skip
    at_rows = HEADER.size
    at_marks = at_rows + rows * SIZE
    at_progress = at_marks + marks * MARK.size
    at_recent = at_progress + progress * PROGRESS.size
    at_names = at_recent + recent * 8
    at_attributes = at_names + names
    at_scores = at_attributes + attributes
    if at_scores + scores * SCORE.size != len(packed):
        raise ValueError(f"{len(packed)} bytes instead of {at_scores + scores * SCORE.size}")
    return Profile(
        offset, first, last, Days(day, bits, number, tuple(decayed)),
        list(_names(packed[at_names:at_attributes])),
        bytearray(packed[at_rows:at_marks]),
        dict(MARK.iter_unpack(packed[at_marks:at_progress])) if marks else {},
        {(key, t0): made for key, t0, made in PROGRESS.iter_unpack(packed[at_progress:at_recent])}
        if progress else {},
        RECENT[recent].unpack_from(packed, at_recent),
        _unpack_attributes(packed[at_attributes:at_scores]) if attributes else {},
        {key: (score, sent) for key, score, sent in SCORE.iter_unpack(packed[at_scores:])}
        if scores else {},
    )  # fmt: skip


def _pack_attribute(name: str, attribute: Attribute) -> bytes:
    at, value = attribute
    head = struct.pack("<B", len(name)) + name.encode()
    if isinstance(value, str):
        text = value.encode()
        return head + b"t" + TEXT.pack(at, len(text)) + text
    return head + b"n" + NUMBER.pack(at, value)


def _unpack_attributes(packed: bytes) -> dict[str, Attribute]:
    attributes: dict[str, Attribute] = {}
    at = 0
    while at < len(packed):
        end = at + 1 + packed[at]
        name = packed[at + 1 : end].decode()
        if packed[end : end + 1] == b"n":
            attributes[name] = NUMBER.unpack_from(packed, end + 1)
            at = end + 1 + NUMBER.size
        else:
            seen, length = TEXT.unpack_from(packed, end + 1)
            start = end + 1 + TEXT.size
            attributes[name] = (seen, packed[start : start + length].decode())
            at = start + length
    return attributes
