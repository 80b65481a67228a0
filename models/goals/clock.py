"""The clock of a partition: event time that one lying timestamp cannot move.

The clock shows the greatest event time seen minus the allowed lateness. While the partition is idle
it runs on with the wall, second for second, and it never goes back. An event that is more than
``max_jump`` ahead only counts once an event of a second profile, as far ahead, confirms it; an
ordinary advance in between proves it a lie. A partition that has only ever seen one profile has
nobody to ask and takes its word.

Where very much falls due on the way, a step may stand still before it (``models/run.py``): then
``now`` is behind what ``greatest`` allows, and the next event brings it on.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from models.errors import StateError

_PACKED = struct.Struct("<BqqqqQQ?")
_VERSION = 1
_NEVER = -1


@dataclass(slots=True)
class Clock:
    """The clock of one partition.

    Parameters
    ----------
    allowed_lateness
        How far it stays behind the greatest event time, milliseconds.
    max_jump
        The farthest that one profile alone can move it, milliseconds.

    Examples
    --------
    >>> clock = Clock(allowed_lateness=0, max_jump=1000)
    >>> clock.observe(100, profile=1), clock.observe(500, profile=2)
    (100, 500)
    >>> clock.observe(90_000, profile=1), clock.observe(90_500, profile=2)
    (500, 90500)
    """

    allowed_lateness: int
    max_jump: int
    now: int = _NEVER
    greatest: int = _NEVER
    offset: int = _NEVER
    _claimed: int = _NEVER
    _claimant: int = 0
    _first_profile: int = 0
    _alone: bool = True

    def observe(self, at: int, profile: int) -> int:
        """What the clock shows after an event at ``at`` of a profile (by its hash)."""
        if self._alone:
            self._meet(profile)
        ahead = at - self.greatest
        if 0 < ahead <= self.max_jump:  # as nearly always
            self._claimed, self.greatest = _NEVER, at
        elif ahead > 0:
            self.greatest = max(self.greatest, self._believed(at, profile))
        believed = self.greatest - self.allowed_lateness
        if believed > self.now:  # noqa: PLR1730 - a comparison costs a third of a call
            self.now = believed
        return self.now

    def idle(self, elapsed: int) -> int:
        """What the clock shows after so many idle milliseconds; nothing before the first event."""
        if self.now != _NEVER:
            self.now += elapsed
        return self.now

    def _meet(self, profile: int) -> None:
        if self.greatest == _NEVER:
            self._first_profile = profile
        elif profile != self._first_profile:
            self._alone = False

    def _believed(self, at: int, profile: int) -> int:
        """How far an event moves the greatest event time."""
        start = max(self.greatest, self.now)
        if self.greatest == _NEVER or self._alone or at - start <= self.max_jump:
            self._claimed = _NEVER
            return at
        claimed, claimant = self._claimed, self._claimant
        self._claimed, self._claimant = at, profile
        if claimed == _NEVER:
            return _NEVER
        if profile == claimant:
            self._claimed = min(claimed, at)
            return _NEVER
        return self._confirmed(claimed, claimant, at, profile)

    def _confirmed(self, claimed: int, claimant: int, at: int, profile: int) -> int:
        """Two profiles claim to be far ahead: the nearer of them is believed, or both."""
        near, far = sorted((claimed, at))
        if far - near <= self.max_jump:
            self._claimed = _NEVER
            return far
        self._claimed, self._claimant = far, claimant if far == claimed else profile
        return near

    def pack(self) -> bytes:
        """The clock's state."""
        return _PACKED.pack(
            _VERSION, self.now, self.greatest, self.offset, self._claimed, self._claimant,
            self._first_profile, self._alone,
        )  # fmt: skip

    def unpack(self, packed: bytes) -> None:
        """Take over a state.

        Raises
        ------
        StateError
            Written by a newer version, or damaged.
        """
        if not packed or packed[0] != _VERSION or len(packed) != _PACKED.size:
            raise StateError(f"a clock of version {packed[:1].hex()}, this one reads {_VERSION}")
        (
            _, self.now, self.greatest, self.offset, self._claimed, self._claimant,
            self._first_profile, self._alone,
        ) = _PACKED.unpack(packed)  # fmt: skip
