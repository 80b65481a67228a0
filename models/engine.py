"""The engine: a run of records in, what changes and what leaves out.

``Engine.step`` is the whole of Penchant between two Kafka topics. It knows no Kafka, no clock but
the events', no randomness, and the same records give the same states, tickets and examples however
they are cut into runs.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

from models.config.durations import MINUTE
from models.config.schema import Config
from models.current import Opening
from models.goals.clock import Clock
from models.goals.compiled import Compiled
from models.goals.examples import Example
from models.goals.refresh import is_refresh, next_refresh
from models.goals.tickets import Packed, TicketBook, pack_tickets, unpack_ticket
from models.learning.snapshot import Snapshot
from models.opening import Times, set_timers
from models.partition import CLOCK_KEY, NOT_PROFILES, Partition
from models.poison import CRASH_KEY, crashes_of
from models.profiles.codec import head_of, pack
from models.profiles.features import raw_features
from models.profiles.profile import TicketId
from models.run import IDLE, WHOLE, Closing, Run, Unfinished
from models.scoring.board import Scoreboard
from models.scoring.roster import GOALS_KEY, roster_of
from models.step import Record, Row, Step, TicketChange

#: Silent profiles scored again in one step, at most: a step stays short.
MOST_REFRESHED = 2_000
#: Tickets and profiles that come and go by the clock in one step of a worker, about: what it holds
#: of a step in memory, and writes in one transaction, stays bounded.
MOST_DUE = 10_000
#: Milliseconds that an idle partition's clock may be ahead of its table.
CLOCK_AHEAD = MINUTE

Tables = tuple[dict[bytes, bytes], TicketBook]


class Engine:
    """Scores profiles by their events.

    Parameters
    ----------
    config
        The questions.
    topic
        Name of the source topic, for the provenance in scores.
    silent
        Send no scores; tickets and examples are the same.
    """

    def __init__(
        self, config: Config, topic: str = "penchant.events", *, silent: bool = False
    ) -> None:
        self.config = config = _never_refreshed(config) if silent else config
        self.compiled = Compiled(config)
        self.silent = silent
        self.board = Scoreboard(config, self.compiled, topic)

    def adopt(self, snapshot: Snapshot) -> bool:
        """Score with a snapshot from now on; see :meth:`Scoreboard.adopt`."""
        return self.board.adopt(snapshot)

    # -- partitions ------------------------------------------------------------------------

    def open(self, number: int, profiles: dict[bytes, bytes], tickets: TicketBook) -> Partition:
        """Take on a partition: its timers are worked out from its tables.

        Raises
        ------
        StateError
            The tables were written by a newer version, or are damaged.
        """
        clock, roster = self._clock_of(profiles), roster_of(profiles)
        partition = Partition(number, profiles, tickets, clock, roster=roster)
        removed = partition.roster.removed(self.compiled)
        times = Times([], array("q"), array("q"))
        scores: dict[int, list[float]] = {goal.key: [] for goal in self.compiled.goals}
        for key, packed in profiles.items():
            if key in NOT_PROFILES:
                continue
            head = head_of(packed)
            times.add(key, head.first, head.last)
            for goal_key, (score, _) in head.scores.items():
                scores.setdefault(goal_key, []).append(score)
                if goal_key in removed:
                    partition.roster.leaving[key] = None
        partition.roster.keep(scores)
        tickets.share_keys(times.keys)
        set_timers(self.compiled, partition, times)
        self.board.open(partition, scores)
        return partition

    def _clock_of(self, profiles: dict[bytes, bytes]) -> Clock:
        """The clock in a table of profiles."""
        clock = Clock(self.config.time.allowed_lateness, self.config.time.max_jump)
        if CLOCK_KEY in profiles:
            clock.unpack(profiles[CLOCK_KEY])
        return clock

    def close(self, partition: Partition) -> None:
        """Let go of a partition."""
        self.board.close(partition)

    # -- steps -----------------------------------------------------------------------------

    def step(self, partition: Partition, records: Sequence[Record], most: int = WHOLE) -> Step:
        """Apply a run of records, in order.

        An error that is not a :class:`PenchantError` is a bug; the partition has to be opened anew
        before it is used again, for its clock and timers have moved.

        Parameters
        ----------
        partition
            Theirs.
        records
            At the offsets that come next.
        most
            Tickets and profiles that may come and go by the clock in one step, but for a few
            minutes' worth: where more fall due it ends before the record that brings them about,
            which may be the first. What it has not taken belongs to the next step.
        """
        run = Run(self.compiled, partition, most)
        taken = _apply(run, records)
        run.settle()
        if taken:
            partition.clock.offset = max(partition.clock.offset, records[taken - 1].offset)
        step = self._finish(run)
        step.taken = taken
        return step

    def rehearse(self, number: int, tables: Tables, records: Sequence[Record]) -> Step:
        """What a step from a partition's tables would do; nothing of it is kept."""
        partition = self.open(number, *tables)
        try:
            return self.step(partition, records)
        finally:
            self.close(partition)

    def refuse(self, partition: Partition, record: Record, reason: str, message: str) -> Step:
        """Leave a record out: a step with nothing but its refusal."""
        run = Run(self.compiled, partition)
        run.refuse(record, reason, message)
        partition.clock.offset = max(partition.clock.offset, record.offset)
        return self._finish(run)

    def idle(self, partition: Partition, elapsed: int) -> Step:
        """Let the clock run on for so many milliseconds in which nothing came.

        Where nothing falls due the step is empty until the clock is a minute ahead of the table:
        who crashes loses no more of the silence than that, and silence costs nothing.
        """
        run, before = Run(self.compiled, partition), partition.clock.now
        partition.clock.idle(elapsed)
        run.advance(before, IDLE)
        step = self._finish(run)
        if _only_the_clock(step):
            durable = self._clock_of(partition.profiles)
            if partition.clock.now - durable.now < CLOCK_AHEAD:
                step.profiles = []
        return step

    def _finish(self, run: Run) -> Step:
        run.counts.update(applied=run.applied, late=run.late)
        step = Step(refused=run.refused, counts=run.counts)
        opened = self._tickets_of(run)
        step.tickets = self._ticket_changes(run, opened)
        step.examples = [self._example(run, closing, opened) for closing in run.closings]
        changed = dict.fromkeys(run.touched)
        step.erasures = run.erasures
        self.board.withdraw(run, step)
        if not self.silent:
            self.board.score(run, step, [*changed, *self._silent(run, changed)], changed)
        changed.update(dict.fromkeys(self.board.retire(run, step)))
        step.profiles += self._profile_rows(run, changed)
        return step

    def _profile_rows(self, run: Run, changed: Iterable[bytes]) -> list[Row]:
        # The clock first. Where a worker dies in between, in order, tickets and examples are there
        # already, and nothing of them may fall due a second time.
        clock = run.partition.clock.pack()
        rows: list[Row] = []
        if clock != run.partition.profiles.get(CLOCK_KEY):
            rows.append((CLOCK_KEY, clock))
        rows += [(key, None) for key in run.erased if run.profile(key) is None]
        for key in changed:
            profile = run.profiles[key]
            if profile is not None:
                rows.append((key, pack(profile)))
        roster = run.partition.roster
        packed = roster.pack() if roster.names else None
        if packed != run.partition.profiles.get(GOALS_KEY):
            rows.append((GOALS_KEY, packed))
        crashes = crashes_of(run.partition.profiles)
        if crashes is not None and run.partition.clock.offset >= crashes.last:
            rows.append((CRASH_KEY, None))  # the place is behind us
        return rows

    # -- tickets ---------------------------------------------------------------------------

    def _tickets_of(self, run: Run) -> dict[Opening, Packed]:
        """The tickets opened in a run, with what the models say of them."""
        tickets: dict[Opening, Packed] = {}
        for goal in self.compiled.goals:
            openings = [opening for opening in run.openings if opening.goal is goal]
            if not openings:
                continue
            raw = raw_features([opening.frozen for opening in openings])
            scorer = self.board.scorer(goal)
            said = scorer.model.probabilities(raw).tolist() if scorer else None
            version = scorer.snapshot.version if scorer else 0
            t0s = [opening.t0 for opening in openings]
            packed = pack_tickets(goal.key, t0s, said, version, raw)
            tickets.update(zip(openings, packed, strict=True))
        return tickets

    def _ticket_changes(self, run: Run, opened: dict[Opening, Packed]) -> list[TicketChange]:
        changes: dict[tuple[bytes, TicketId], TicketChange] = {}
        for opening in run.openings:
            key, ticket = opening.key, (opening.goal.key, opening.t0)
            changes[key, ticket] = TicketChange(key, ticket, opened[opening])
        for key, ticket in run.deleted:
            changes[key, ticket] = TicketChange(key, ticket, None)
        return list(changes.values())

    def _example(self, run: Run, closing: Closing, opened: dict[Opening, Packed]) -> Example:
        held = closing.ticket
        if isinstance(held, Opening):
            held = opened[held]
        elif stored := run.partition.tickets.get(closing.key, (closing.goal.key, closing.t0)):
            held = stored
        ticket = unpack_ticket(held)
        return Example(
            goal=closing.goal.name,
            goal_version=closing.goal.version,
            profile_id=closing.key.decode(),
            t0=closing.t0,
            due=closing.t0 + closing.goal.window,
            label=closing.label,
            probability=ticket.probability,
            model_version=ticket.model_version,
            raw=ticket.raw,
            kind="reversal" if closing.late else "outcome",
            partition=run.partition.number,
            offset=closing.offset,
        )

    def _silent(self, run: Run, changed: dict[bytes, None]) -> list[bytes]:
        """Profiles whose silence is due for another score."""
        after, partition = self.compiled.refresh, run.partition
        if after is None:
            return []
        now = partition.clock.now
        silent: dict[bytes, None] = {}
        for due, key, _ in partition.refreshes.pop(now):
            profile = run.profile(key)
            if profile is None:
                continue
            partition.refreshes.add(next_refresh(profile.last, due, after), key, 0)
            if is_refresh(profile.last, due, after) and key not in changed:
                silent[key] = None
                if len(silent) >= MOST_REFRESHED:
                    break
        return list(silent)


def _apply(run: Run, records: Sequence[Record]) -> int:
    """Apply records as long as the run has room; how many."""
    number = 0
    try:
        for number, record in enumerate(records):  # noqa: B007 - where it ends is the answer
            run.apply(record)
    except Unfinished:
        return number
    return len(records)


def _only_the_clock(step: Step) -> bool:
    """Whether nothing has changed but the clock."""
    left = step.tickets or step.scores or step.examples or step.refused or step.erasures
    return not left and [key for key, _ in step.profiles] == [CLOCK_KEY]


def _never_refreshed(config: Config) -> Config:
    """A configuration whose silent profiles wait for no other score: where none is sent."""
    return config.model_copy(update={"scores": config.scores.model_copy(update={"refresh": None})})
