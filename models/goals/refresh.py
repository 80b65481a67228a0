"""When a silent profile is scored again: after a while, and whenever its silence has doubled."""

from __future__ import annotations

import numpy as np

from models.goals.schedule import Ints


def next_refresh(last: int, now: int, after: int) -> int:
    """The first moment later than ``now`` at which a silence since ``last`` has doubled.

    Parameters
    ----------
    last
        Time of the latest event, milliseconds.
    now
        The clock.
    after
        The silence after which a profile is first scored again.

    Examples
    --------
    >>> [next_refresh(0, now, after=100) for now in (0, 99, 100, 250, 400)]
    [100, 100, 200, 400, 800]
    """
    silence = max(now - last, 0)
    if silence < after:
        return last + after
    return last + after * (1 << (silence // after).bit_length())


def next_refreshes(lasts: Ints, nows: Ints, after: int) -> Ints:
    """The same of many profiles; see :func:`next_refresh`."""
    times = np.maximum(nows - lasts, 0) // after
    _, lengths = np.frexp(times)  # the number of bits; 0 of 0
    doubled: Ints = np.int64(1) << lengths.astype(np.int64)
    return lasts + after * doubled


def is_refresh(last: int, moment: int, after: int) -> bool:
    """Whether a silence since ``last`` reaches one of its doublings at ``moment``.

    Examples
    --------
    >>> [is_refresh(0, moment, after=100) for moment in (100, 300, 400, -100)]
    [True, False, True, False]
    """
    silence = moment - last
    times, rest = divmod(silence, after)
    return rest == 0 and times > 0 and times & (times - 1) == 0
