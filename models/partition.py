"""What the engine keeps of one source partition: its tables, its clock and its timers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from models.config.durations import DAY, HOUR
from models.goals.calendar import Calendar
from models.goals.clock import Clock
from models.goals.tickets import TicketBook
from models.poison import CRASH_KEY
from models.scoring.ranks import Ranks
from models.scoring.roster import GOALS_KEY, Roster
from models.step import Step

#: Event time in a bucket of timers: wide enough that a quiet partition has several in one, narrow
#: enough that those of a million profiles are brought near in some tens of milliseconds.
BUCKET = 6 * HOUR
#: Where the clock stands in the table of profiles; no profile id has a control character.
CLOCK_KEY = b"\x00clock"
#: Rows of the table of profiles that are not profiles.
NOT_PROFILES = frozenset((CLOCK_KEY, CRASH_KEY, GOALS_KEY))


@dataclass(slots=True)
class Partition:
    """The state of one source partition.

    ``profiles`` and ``tickets`` are the tables: the engine reads them, and they change only by
    :meth:`apply`, after what a step says has been made durable. Clock and timers are derived from
    them at opening and move with every step.

    Parameters
    ----------
    number
        The partition's number.
    profiles
        Profile id -> packed profile; and the clock.
    tickets
        The tickets by profile.
    clock
        The partition's clock.
    """

    number: int
    profiles: dict[bytes, bytes]
    tickets: TicketBook
    clock: Clock
    openings: Calendar = field(default_factory=partial(Calendar, BUCKET))
    closings: Calendar = field(default_factory=partial(Calendar, BUCKET))
    expiries: Calendar = field(default_factory=partial(Calendar, BUCKET))
    refreshes: Calendar = field(default_factory=partial(Calendar, BUCKET))
    departures: Calendar = field(default_factory=partial(Calendar, DAY))
    ranks: dict[int, Ranks] = field(default_factory=dict)
    roster: Roster = field(default_factory=Roster)

    @property
    def held(self) -> int:
        """How many profiles there are."""
        return len(self.profiles) - sum(key in self.profiles for key in NOT_PROFILES)

    @property
    def soonest(self) -> int:
        """No ticket or profile comes or goes before this."""
        return min(
            self.openings.soonest,
            self.closings.soonest,
            self.expiries.soonest,
            self.departures.soonest,
        )

    def is_due(self, now: int) -> bool:
        """Whether a ticket or a profile comes or goes before ``now``."""
        return (
            self.openings.soonest < now
            or self.closings.soonest < now
            or self.expiries.soonest < now
            or self.departures.soonest < now
        )

    def apply(self, step: Step) -> None:
        """Take over what a step changed in the tables."""
        for key, value in step.profiles:
            if value is None:
                self.profiles.pop(key, None)
            else:
                self.profiles[key] = value
        for change in step.tickets:
            self.tickets.change(change.profile, change.ticket, change.value)
