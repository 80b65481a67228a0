"""Names of sources as bytes: what many profiles have in common is kept once.

Profiles mostly have the same few lists of sources, so the lists are remembered; long ones, which
only invented event types make, are not, so that a flood of them costs no memory.
"""

from __future__ import annotations

from functools import lru_cache

#: Bytes that the names of a profile's event types may take together; later ones share ``other``.
MOST_BYTES = 8_192
#: As many characters have room in any case: in UTF-8 none takes more than four bytes.
MOST_CHARACTERS = MOST_BYTES // 4
#: A longer list of names is not remembered.
REMEMBERED_BYTES = 2_048
LISTS = 8_192


def pack_names(names: tuple[str, ...]) -> bytes:
    """Names joined by line feeds, which none of them has.

    Examples
    --------
    >>> unpack_names(pack_names(("event/basket", "event/login")))
    ('event/basket', 'event/login')
    """
    return _pack(names) if sum(map(len, names)) <= REMEMBERED_BYTES else _pack.__wrapped__(names)


def unpack_names(packed: bytes) -> tuple[str, ...]:
    """The names in packed ones."""
    return _unpack(packed) if len(packed) <= REMEMBERED_BYTES else _unpack.__wrapped__(packed)


@lru_cache(maxsize=LISTS)
def _pack(names: tuple[str, ...]) -> bytes:
    return "\n".join(names).encode()


@lru_cache(maxsize=LISTS)
def _unpack(packed: bytes) -> tuple[str, ...]:
    return tuple(packed.decode().split("\n")) if packed else ()
