"""One row of numbers for every source of events in a profile: what happened, decayed.

A row is ten float64 in a bytearray: the time of the latest event; five counters, one per
half-life; three sums of the values; the latest value. Counters and sums stand as of the latest
event. An event that arrives late adds what is left of it, so counters and sums do not depend on
the order of arrival.
"""

from __future__ import annotations

import struct

from models.profiles.decay import NOTHING, fades

ROW = struct.Struct("<10d")
SIZE = ROW.size
_unpack, _pack = ROW.unpack_from, ROW.pack_into


def new_row(at: int, value: float | None) -> bytes:
    """The row of a source after its first event.

    Examples
    --------
    >>> ROW.unpack(new_row(1000, 2.5))
    (1000.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.5, 2.5, 2.5, 2.5)
    """
    amount = value or 0.0
    return ROW.pack(at, 1.0, 1.0, 1.0, 1.0, 1.0, amount, amount, amount, amount)


def add_event(rows: bytearray, start: int, at: int, value: float | None) -> None:
    """Add an event to the row that starts at a byte of ``rows``.

    Parameters
    ----------
    rows
        Changed in place.
    start
        First byte of the row.
    at
        The event's time, milliseconds.
    value
        The number it carries, if any.
    """
    last, c1, c2, c3, c4, c5, s3, s4, s5, latest = _unpack(rows, start)
    amount = value or 0.0
    if at >= last:
        f1, f2, f3, f4, f5 = fades(at - last)
        if value is not None:
            latest = max(latest, value) if at == last else value
        s3, s4, s5 = s3 * f3 + amount, s4 * f4 + amount, s5 * f5 + amount
        # Crumbs of a sum would become denormal, and slow.
        _pack(
            rows, start, at, c1 * f1 + 1.0, c2 * f2 + 1.0, c3 * f3 + 1.0, c4 * f4 + 1.0,
            c5 * f5 + 1.0,
            s3 if s3 > NOTHING or s3 < -NOTHING else 0.0,
            s4 if s4 > NOTHING or s4 < -NOTHING else 0.0,
            s5 if s5 > NOTHING or s5 < -NOTHING else 0.0,
            latest,
        )  # fmt: skip
    else:
        f1, f2, f3, f4, f5 = fades(last - at)
        _pack(
            rows, start, last, c1 + f1, c2 + f2, c3 + f3, c4 + f4, c5 + f5,
            s3 + amount * f3, s4 + amount * f4, s5 + amount * f5, latest,
        )  # fmt: skip
