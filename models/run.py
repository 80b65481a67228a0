"""A run of records of one partition being applied, record by record.

Nothing here depends on how records are cut into runs: timers fire at the record that moves the
clock past them, before that record is applied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct

from models.config.durations import MINUTE
from models.config.goals import MOST_OPEN
from models.current import Current, Opening
from models.errors import InvalidEvent
from models.events.event import Event
from models.events.parsing import check_key, check_skew, parse_event
from models.goals.calendar import NEVER
from models.goals.compiled import EVENT, Compiled, CompiledGoal
from models.goals.tickets import ABANDONED_AFTER, Packed
from models.hashing import digest64, profile_hash
from models.partition import Partition
from models.profiles.features import freeze
from models.profiles.intake import set_attribute
from models.profiles.profile import Profile, TicketId
from models.step import Erasure, Record, Refusal
from models.timers import Newcomers, schedule_openings

IDLE = -1
#: Milliseconds that the clock walks before it is asked whether a step has become large enough.
STRIDE = 10 * MINUTE
#: A step as large as it comes.
WHOLE = 1 << 62

Goals = Mapping[int, CompiledGoal]


class Unfinished(Exception):  # noqa: N818 - nothing is wrong
    """The step is as large as it may be: the record that moved the clock belongs to the next one.

    The clock has walked as far as what has been done; at the record it goes on from there.
    """


class Closing(Struct, frozen=True, gc=False):
    """A ticket whose label is known, or has been turned by a late event."""

    key: bytes
    goal: CompiledGoal
    t0: int
    label: int
    ticket: Packed | Opening
    late: bool
    offset: int


class Run:
    """The working state of one step.

    Parameters
    ----------
    compiled
        The configuration.
    partition
        Read, never written, but for its clock and timers.
    most
        Tickets and profiles that may come and go by the clock before the run is unfinished.
    """

    def __init__(self, compiled: Compiled, partition: Partition, most: int = WHOLE) -> None:
        self.compiled = compiled
        self.partition = partition
        self.most = most
        self.counts: Counter[str] = Counter()
        self.applied = self.late = 0
        self.refused: list[Refusal] = []
        self.openings: list[Opening] = []
        self.closings: list[Closing] = []
        self.deleted: dict[tuple[bytes, TicketId], None] = {}
        self.erased: dict[bytes, None] = {}
        self.erasures: list[Erasure] = []
        #: Profiles that an event changed, in the order of their first one.
        self.touched: dict[bytes, None] = {}
        self._rows = Current(compiled, partition)
        self.profile, self.tickets = self._rows.profile, self._rows.tickets
        #: Those that have been asked for, None where there is none.
        self.profiles = self._rows.profiles
        self._newcomers = Newcomers(compiled, partition)
        self._limits = compiled.config.limits
        self._time = compiled.config.time
        self._refresh, self._kept_for = compiled.refresh, compiled.kept_for
        #: How far ahead of the clock an event is believed.
        self._ahead = self._time.allowed_lateness + self._time.max_jump
        #: Profile -> no ticket of it is opened by the clock between what was looked at and this.
        self._none_before: dict[bytes, int] = {}

    # -- records ---------------------------------------------------------------------------

    def apply(self, record: Record) -> None:
        """Apply one record, or refuse it.

        Raises
        ------
        Unfinished
            Too much falls due before it: it has not been applied.
        """
        try:
            self._apply(record)
        except InvalidEvent as error:
            self.refuse(record, error.reason, error.message)

    def refuse(self, record: Record, reason: str, message: str) -> None:
        """Leave a record out."""
        self.refused.append(Refusal(record, reason, message))
        self.counts["refused"] += 1

    def _apply(self, record: Record) -> None:
        key = record.key
        if not key:
            raise InvalidEvent("missing_key", "no profile id in the record's key")
        if record.value is None:
            check_key(key, self._limits)
            self._erase_by(key, record.offset)
            return
        event = parse_event(record.value, self._limits)
        if event.profile_id.encode() != key:
            raise InvalidEvent("key_mismatch", "the key is not the event's profile_id")
        recorded_at = record.timestamp
        if recorded_at is not None:
            check_skew(event, recorded_at, self._time.max_skew)
        excluded = self.compiled.excluded
        if excluded is not None and excluded(event.fields):
            self.counts["excluded"] += 1
            return
        self._observe(key, event, record.offset)

    def _observe(self, key: bytes, event: Event, offset: int) -> None:
        profile, at, clock = self.profile(key), event.at, self.partition.clock
        if profile is not None and offset <= profile.offset:
            self.counts["replayed"] += 1
            return
        before = now = clock.now
        if offset > clock.offset:  # in order, the table may have the clock's row and not yet this
            now = clock.observe(at, profile_hash(key))
        if now != before and (self.partition.is_due(now) or self._newcomers.soonest < now):
            self.advance(before, offset)
            profile = self.profile(key)  # it may have expired
        if profile is None:
            profile = self._start(key, at, now)
        event_id = digest64(event.event_id.encode())
        self.touched[key] = None
        profile.offset = offset
        if profile.knows(event_id):
            self.counts["duplicates"] += 1
            return
        if at > now and at > profile.last:
            self._open_before(key, profile, at)
        elif at < now:
            self.late += 1
        profile.remember(event_id, self._limits.recent_ids)
        self._count(key, profile, event)
        self.applied += 1

    def _start(self, key: bytes, at: int, now: int) -> Profile:
        """A new profile, with its timers."""
        profile = self.profiles[key] = Profile.starting(at)
        start = at if at > now else now
        schedule_openings(self.compiled, self.partition, key, start)
        self._newcomers.add(key, at, start)
        self.counts["new_profiles"] += 1
        return profile

    def _count(self, key: bytes, profile: Profile, event: Event) -> None:
        """Take an event into its profile's state."""
        at, compiled, limit = event.at, self.compiled, self._limits.event_types
        numbers = compiled.recogniser.met(event.type, event.fields)
        effects = compiled.effects_of(numbers)
        if effects.advances:
            self._progress(key, profile, at, numbers, effects.advances)
        refresh = self._refresh
        if refresh is not None and at - profile.last > refresh:
            # Its timer waits for twice the silence: set one that is nearer.
            self.partition.refreshes.add(at + refresh, key, 0)
        profile.touch(at)
        value = None if compiled.value is None else compiled.value(event.fields)
        if not profile.count(EVENT + event.type, at, value, limit):
            self.counts["pooled"] += 1
        for source in effects.sources:
            profile.count(source, at, value, limit)
        for mark in effects.marks:
            profile.mark(mark, at)
        for name, read in compiled.attributes.items():
            found = read(event.fields)
            if found:
                set_attribute(profile, name, at, found[0], self._limits.attribute_text)
        if effects.opens:
            self._open_at(key, profile, at, effects.opens)

    def _open_at(
        self, key: bytes, profile: Profile, at: int, goals: Sequence[CompiledGoal]
    ) -> None:
        """Open the tickets that an event opens, its own share in their features."""
        for goal in goals:
            if not goal.schedule.includes(profile_hash(key)):
                continue
            if at < profile.last or at + goal.window < self.partition.clock.now:
                self.counts["not_opened"] += 1  # too late to say what the features were
            elif sum(held == goal.key for held, _ in self.tickets(key)) >= MOST_OPEN:
                self.counts["not_opened"] += 1
            else:
                self._open(key, profile, goal, at)

    def _progress(
        self, key: bytes, profile: Profile, at: int, numbers: list[int], goals: Goals
    ) -> None:
        """Bring the tickets forward whose outcome an event counts towards."""
        tickets = self.tickets(key)
        if profile.progress and not profile.progress.keys() <= tickets.keys():
            profile.progress = {one: n for one, n in profile.progress.items() if one in tickets}
        for ticket in list(tickets):
            goal = goals.get(ticket[0])
            if goal is not None and ticket[1] < at <= ticket[1] + goal.window:
                self._advance_ticket(key, profile, goal, ticket, numbers)

    def _advance_ticket(
        self, key: bytes, profile: Profile, goal: CompiledGoal, ticket: TicketId, numbers: list[int]
    ) -> None:
        before = profile.progress.get(ticket, 0)
        after = goal.outcome.advance(before, numbers)
        if after == before:
            return
        profile.progress[ticket] = after
        closed = ticket[1] + goal.window < self.partition.clock.now
        if closed and goal.outcome.met(after) and not goal.outcome.met(before):
            self._close(key, ticket, after, profile.offset, late=True)
            del profile.progress[ticket]

    def _erase_by(self, key: bytes, offset: int) -> None:
        """Do what a record without a value asks for."""
        profile = self.profile(key)
        if profile is not None and offset <= profile.offset:
            self.counts["replayed"] += 1
            return
        tickets = len(self.tickets(key))
        self.erasures.append(Erasure(key, offset, profile is not None, tickets))
        self._erase(key)
        self.counts["erased"] += 1

    def _erase(self, key: bytes) -> None:
        """Forget a profile: its state, its tickets, and what was said of it."""
        for goal, t0 in list(self.tickets(key)):
            self._delete(key, goal, t0)
        self.erased[key] = None
        self.touched.pop(key, None)
        self._none_before.pop(key, None)
        self.profiles[key] = None

    # -- timers ----------------------------------------------------------------------------

    def advance(self, start: int, offset: int) -> None:
        """Do what has fallen due since ``start``, and no more than fits into a step.

        After a long silence a single record may bring about a month of every profile. The clock
        walks there, and where the step has become too large it stands until the next one.
        """
        clock, partition = self.partition.clock, self.partition
        target = clock.now
        if self._newcomers.soonest < target:
            self.settle()
        while (soonest := partition.soonest) < target:
            if self._comings_and_goings() >= self.most:
                clock.now = start
                raise Unfinished
            start = clock.now = min(target, max(start, soonest) + STRIDE)
            self._fall_due(offset)
        clock.now = target

    def settle(self) -> None:
        """Set the timers that are not yet set: for all new profiles at once."""
        self._newcomers.settle()

    def _comings_and_goings(self) -> int:
        return len(self.openings) + len(self.closings) + len(self.deleted) + len(self.erased)

    def _fall_due(self, offset: int) -> None:
        """Do what has fallen due by the clock: open tickets, close them, let them go."""
        partition, now, goals = self.partition, self.partition.clock.now, self.compiled.by_key
        if partition.openings.soonest < now:
            for t0, key, tag in partition.openings.pop(now):
                self._open_on_time(key, goals[tag], t0)
        if partition.closings.soonest < now:
            for due, key, tag in partition.closings.pop(now):
                self._close_on_time(key, goals[tag], due - goals[tag].window, offset)
        if partition.expiries.soonest < now:
            for over, key, tag in partition.expiries.pop(now):
                self._delete(key, tag, self._t0_of(tag, over))
        if partition.departures.soonest < now:
            for _, key, _ in partition.departures.pop(now):
                self._expire_on_time(key)

    def _t0_of(self, tag: int, over: int) -> int:
        """When a ticket was opened that is over now."""
        goal = self.compiled.by_key.get(tag)
        if goal is None:
            return over - ABANDONED_AFTER
        return over - self._time.reversible_for - goal.window

    def _expire_on_time(self, key: bytes) -> None:
        """Erase a profile that has been silent for too long, or wait on."""
        profile = self.profile(key)
        if profile is None or self._kept_for is None:
            return
        over = profile.last + self._kept_for
        if over >= self.partition.clock.now:
            self.partition.departures.add(over, key, 0)
            return
        self._erase(key)
        self.counts["expired"] += 1

    def _open_on_time(self, key: bytes, goal: CompiledGoal, t0: int) -> None:
        profile = self.profile(key)
        if profile is None or (self._kept_for is not None and profile.last + self._kept_for < t0):
            return  # or about to go
        self.partition.openings.add(goal.schedule.after(profile_hash(key), t0), key, goal.key)
        if profile.last <= t0:  # otherwise an event of its own has brought it about
            self._open(key, profile, goal, t0)

    def _open_before(self, key: bytes, profile: Profile, at: int) -> None:
        """Open tickets that the clock has not reached, but an event of the profile would pass."""
        start = max(self.partition.clock.now, profile.last)
        believed = self.partition.clock.now + self._ahead
        if at > believed:  # it opens no tickets for all the years that it claims to lie ahead
            self.counts["unbelieved"] += 1
            at = believed
        if at <= self._none_before.get(key, start):
            return
        number, none_before = profile_hash(key), NEVER
        for goal in self.compiled.scheduled:
            if goal.schedule.includes(number):
                t0 = goal.schedule.next(number, start)
                while t0 < at:
                    self._open(key, profile, goal, t0)
                    t0 = goal.schedule.after(number, t0)
                none_before = min(none_before, t0)
        self._none_before[key] = none_before

    def _open(self, key: bytes, profile: Profile, goal: CompiledGoal, t0: int) -> None:
        tickets = self.tickets(key)
        if (goal.key, t0) in tickets or not goal.eligible(profile.marks, t0):
            return
        if self._kept_for is not None and profile.last + self._kept_for <= (
            t0 + goal.window + self._time.reversible_for
        ):
            return  # it could outlive the profile
        self.deleted.pop((key, (goal.key, t0)), None)
        opening = tickets[goal.key, t0] = Opening(key, goal, t0, freeze(profile, t0))
        self.openings.append(opening)
        self.partition.closings.add(t0 + goal.window, key, goal.key)
        self.counts["opened"] += 1

    def _close_on_time(self, key: bytes, goal: CompiledGoal, t0: int, offset: int) -> None:
        profile, ticket = self.profile(key), (goal.key, t0)
        if profile is not None and ticket in self.tickets(key):
            self._close(key, ticket, profile.progress.get(ticket, 0), offset, late=False)

    def _close(
        self, key: bytes, ticket: TicketId, progress: int, offset: int, *, late: bool
    ) -> None:
        goal, t0 = self.compiled.by_key[ticket[0]], ticket[1]
        met = goal.outcome.met(progress)
        label = int(met is goal.positive_when_met)
        held = self.tickets(key)[ticket]
        self.closings.append(Closing(key, goal, t0, label, held, late, offset))
        self.counts["reversed" if late else f"closed_{label}"] += 1
        if late or met or not self._time.reversible_for:
            self._delete(key, goal.key, t0)
        else:
            over = t0 + goal.window + self._time.reversible_for
            self.partition.expiries.add(over, key, goal.key)

    def _delete(self, key: bytes, goal: int, t0: int) -> None:
        if self.tickets(key).pop((goal, t0), None) is not None:
            self.deleted[key, (goal, t0)] = None
