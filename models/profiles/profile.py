"""A profile's state while a run of events is applied to it."""

from __future__ import annotations

from msgspec import Struct, field

from models.config.durations import DAY
from models.profiles.days import Days
from models.profiles.names import MOST_BYTES, MOST_CHARACTERS
from models.profiles.rows import SIZE, add_event, new_row

#: Where event types beyond the limit are counted together.
OTHER = "other"

Attribute = tuple[int, float | str]
TicketId = tuple[int, int]


class ProfileHead(Struct, array_like=True):
    """The first fields of a profile; see there."""

    offset: int
    first: int
    last: int
    scores: dict[int, tuple[float, int]]


class Profile(Struct, array_like=True, gc=False):
    """What is known of a profile. The order of the fields is that of its packed form.

    Parameters
    ----------
    offset
        Offset of the last source record applied; -1 before the first.
    first, last
        Times of its earliest and latest event, milliseconds.
    scores
        Key of goal -> (score, time) last sent. Owed to models, not to events alone.
    days
        Its active days.
    sources
        What its rows count: ``event/TYPE``, ``named/NAME``, in order of appearance.
    rows
        A row of numbers for each source, see :mod:`models.profiles.rows`.
    marks
        Key of an eligibility's condition -> time of the latest event that met it.
    progress
        (key of goal, T0) -> how far the outcome of that open ticket has come, where it has.
    recent
        Hashes of the latest event ids, eight bytes each, to recognise repeated events.
    attributes
        Name -> (time, value) of the last value seen.
    """

    offset: int
    first: int
    last: int
    scores: dict[int, tuple[float, int]]
    days: Days
    sources: list[str] = field(default_factory=list)
    rows: bytearray = field(default_factory=bytearray)
    marks: dict[int, int] = field(default_factory=dict)
    progress: dict[TicketId, int] = field(default_factory=dict)
    recent: bytes = b""
    attributes: dict[str, Attribute] = field(default_factory=dict)

    @classmethod
    def starting(cls, at: int) -> Profile:
        """A profile whose first event is about to be applied.

        Examples
        --------
        >>> profile = Profile.starting(1000)
        >>> profile.count("event/basket", 1000, 12.5, limit=32)
        True
        >>> profile.sources
        ['event/basket']
        """
        return cls(-1, at, at, {}, Days.starting(at // DAY))

    def touch(self, at: int) -> None:
        """Note that something happened."""
        if at > self.last:
            self.last = at
        elif at < self.first:
            self.first = at
        self.days.observe(at // DAY)

    def count(self, source: str, at: int, value: float | None, limit: int) -> bool:
        """Count an event under a source; under ``other`` once there are ``limit`` event types.

        Event types whose names would take more than ``MOST_BYTES`` together share it as well.

        Returns
        -------
        Whether it was counted under its own name.
        """
        sources = self.sources
        if source in sources:
            add_event(self.rows, sources.index(source) * SIZE, at, value)
            return True
        if self._is_full(source, limit):
            self.count(OTHER, at, value, limit)
            return False
        sources.append(source)
        self.rows += new_row(at, value)
        return True

    def _is_full(self, source: str, limit: int) -> bool:
        if not source.startswith("event/"):
            return False
        if (
            len(self.sources) < limit
            and sum(map(len, self.sources), len(source)) <= MOST_CHARACTERS
        ):
            return False  # as nearly always
        kept = [name for name in self.sources if name.startswith("event/")]
        room = MOST_BYTES - len(source.encode())
        return len(kept) >= limit or sum(len(name.encode()) for name in kept) > room

    def knows(self, event_id: bytes) -> bool:
        """Whether an event of this hash is among the latest."""
        at = self.recent.find(event_id)
        while at > 0 and at % len(event_id):  # across two others
            at = self.recent.find(event_id, at + 1)
        return at >= 0

    def remember(self, event_id: bytes, limit: int) -> None:
        """Remember an event by its hash, at most ``limit`` of them."""
        self.recent = (self.recent + event_id)[-limit * len(event_id) :] if limit else b""

    def mark(self, key: int, at: int) -> None:
        """Note the latest event that met an eligibility's condition."""
        if at >= self.marks.get(key, at):
            self.marks[key] = at

    def set_attribute(self, name: str, at: int, value: float | str) -> None:
        """Keep the last value seen; of two at the same time, the greater, whatever came first."""
        known = self.attributes.get(name)
        if known is None or (at, isinstance(value, str), value) >= (
            known[0], isinstance(known[1], str), known[1],
        ):  # fmt: skip
            self.attributes[name] = (at, value)
