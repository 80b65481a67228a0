"""Active days of a profile: how many, how regular, how recent. Days are UTC days.

Sixty-four days back it is remembered which days were active, so that a late event counts its day
once; what is later than that counts no day.
"""

from __future__ import annotations

from msgspec import Struct

from models.profiles.decay import day_fades

REMEMBERED = 64
_BITS = (1 << REMEMBERED) - 1


class Days(Struct, array_like=True, gc=False):
    """Counts of active days.

    Parameters
    ----------
    latest
        The latest active day, counted from 1970-01-01.
    bits
        Bit i says whether the day i days before the latest was active.
    number
        How many days were active.
    decayed
        The same number decayed at 1, 7, 30 and 90 days, as of the start of the latest day.

    Examples
    --------
    >>> days = Days.starting(100)
    >>> for day in (103, 101, 103):
    ...     days.observe(day)
    >>> days.number, days.latest, bin(days.bits)
    (3, 103, '0b1101')
    """

    latest: int
    bits: int
    number: int
    decayed: tuple[float, float, float, float]

    @classmethod
    def starting(cls, day: int) -> Days:
        """The counts after a first active day."""
        return cls(day, 1, 1, (1.0, 1.0, 1.0, 1.0))

    def observe(self, day: int) -> None:
        """Count a day on which something happened."""
        ahead = day - self.latest
        if ahead == 0:
            return
        if ahead > 0:
            self._advance(day, ahead)
        elif -ahead < REMEMBERED and not self.bits >> -ahead & 1:
            self._fill(-ahead)

    def _advance(self, day: int, ahead: int) -> None:
        left = day_fades(ahead)
        d1, d2, d3, d4 = self.decayed
        f1, f2, f3, f4 = left
        self.decayed = (d1 * f1 + 1.0, d2 * f2 + 1.0, d3 * f3 + 1.0, d4 * f4 + 1.0)
        self.bits = ((self.bits << ahead) | 1) & _BITS if ahead < REMEMBERED else 1
        self.latest = day
        self.number += 1

    def _fill(self, back: int) -> None:
        left = day_fades(back)
        d1, d2, d3, d4 = self.decayed
        f1, f2, f3, f4 = left
        self.decayed = (d1 + f1, d2 + f2, d3 + f3, d4 + f4)
        self.bits |= 1 << back
        self.number += 1
