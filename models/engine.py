"""The engine: a run of records in, what changes and what leaves out.

``Engine.step`` is the whole of Penchant between two Kafka topics. It knows no Kafka, no clock but
the events', no randomness, and the same records give the same states, tickets and examples however
they are cut into runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from models.config.schema import Config
from models.errors import SnapshotError
from models.goals.clock import Clock
from models.goals.compiled import NAMED, Compiled, CompiledGoal
from models.goals.examples import Example
from models.goals.refresh import is_refresh, next_refresh
from models.goals.tickets import (
    Packed,
    Ticket,
    TicketBook,
    id_of,
    pack_ticket,
    unpack_ticket,
)
from models.learning.snapshot import Snapshot
from models.partition import CLOCK_KEY, Partition
from models.profiles.codec import head_of, pack, unpack
from models.profiles.features import Float64, RawFeatures, freeze, raw_features
from models.profiles.profile import Profile
from models.run import IDLE, Closing, Opening, Run, schedule_profile
from models.scoring.ranks import Ranks
from models.scoring.records import RecordWriter, Said
from models.scoring.scorer import Scorer
from models.step import Record, Row, Step, TicketChange

#: Silent profiles scored again in one step, at most: a step stays short.
MOST_REFRESHED = 2_000
STATUSES = ("collecting", "warming", "ready", "degraded")


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
        self.config = config
        self.compiled = Compiled(config)
        self.topic = topic
        self.silent = silent
        self.ranks = {goal.key: Ranks() for goal in self.compiled.goals}
        self._scorers: dict[int, Scorer] = {}
        self._writers: dict[tuple[int, int], tuple[Scorer, RecordWriter]] = {}
        self._titles = {
            NAMED + name: named.title for name, named in config.named.items() if named.title
        }

    def adopt(self, snapshot: Snapshot) -> bool:
        """Score with a snapshot from now on.

        Returns
        -------
        False when it is of another goal, another version of the goal, or older than the one there.

        Raises
        ------
        SnapshotError
            Its numbers cannot be used.
        """
        goal = next((one for one in self.compiled.goals if one.name == snapshot.goal), None)
        if goal is None or goal.version != snapshot.goal_version:
            return False
        known = self._scorers.get(goal.key)
        if known is not None and known.snapshot.version > snapshot.version:
            return False
        try:
            scorer = Scorer(goal, snapshot, self._titles, self.config.scores.max_factors)
        except (ValueError, IndexError) as error:
            raise SnapshotError(f"{snapshot.goal}: {error}") from None
        self._scorers[goal.key] = scorer
        return True

    def scorer(self, goal: CompiledGoal) -> Scorer | None:
        """The scorer of a goal, once it has a snapshot."""
        return self._scorers.get(goal.key)

    # -- partitions ------------------------------------------------------------------------

    def open(self, number: int, profiles: dict[bytes, bytes], tickets: TicketBook) -> Partition:
        """Take on a partition: its timers are worked out from its tables.

        Raises
        ------
        StateError
            The tables were written by a newer version, or are damaged.
        """
        time = self.config.time
        clock = Clock(time.allowed_lateness, time.max_jump)
        if CLOCK_KEY in profiles:
            clock.unpack(profiles[CLOCK_KEY])
        partition = Partition(number, profiles, tickets, clock)
        partition.ranks = {goal.key: Ranks() for goal in self.compiled.goals}
        scores: dict[int, list[float]] = {goal.key: [] for goal in self.compiled.goals}
        for key, packed in profiles.items():
            if key == CLOCK_KEY:
                continue
            for goal_key, (score, _) in self._open_profile(partition, key, packed).items():
                scores.get(goal_key, []).append(score)
        for key, packed_tickets in tickets:
            for ticket in packed_tickets:
                self._open_ticket(partition, key, ticket)
        for goal_key, ranks in partition.ranks.items():
            ranks.replace([], scores[goal_key])
            self.ranks[goal_key].merge(ranks)
        return partition

    def close(self, partition: Partition) -> None:
        """Let go of a partition."""
        for goal_key, ranks in partition.ranks.items():
            self.ranks[goal_key].merge(ranks, sign=-1)

    def _open_profile(
        self, partition: Partition, key: bytes, packed: bytes
    ) -> dict[int, tuple[float, int]]:
        """Set a profile's timers; returns what was last said of it."""
        head = head_of(packed)
        start = max(head.first, partition.clock.now)
        schedule_profile(self.compiled, partition, key, head.last, start)
        return head.scores

    def _open_ticket(self, partition: Partition, key: bytes, packed: Packed) -> None:
        goal_key, t0 = id_of(packed)
        goal = self.compiled.by_key.get(goal_key)
        if goal is None:  # of a goal, or a version of one, that is no more
            return
        due = t0 + goal.window
        if due >= partition.clock.now:
            partition.closings.add(due, key, goal_key)
        else:
            partition.expiries.add(due + self.config.time.reversible_for, key, goal_key)

    # -- steps -----------------------------------------------------------------------------

    def step(self, partition: Partition, records: Sequence[Record]) -> Step:
        """Apply a run of records, in order."""
        run = Run(self.compiled, partition)
        for record in records:
            run.apply(record)
        if records:
            partition.clock.offset = max(partition.clock.offset, records[-1].offset)
        return self._finish(run)

    def idle(self, partition: Partition, elapsed: int) -> Step:
        """Let the clock run on for so many milliseconds in which nothing came."""
        run = Run(self.compiled, partition)
        partition.clock.idle(elapsed)
        run.advance(IDLE)
        return self._finish(run)

    def _finish(self, run: Run) -> Step:
        run.counts.update(applied=run.applied, late=run.late)
        step = Step(refused=run.refused, counts=run.counts)
        opened = self._tickets_of(run)
        step.tickets = self._ticket_changes(run, opened)
        step.examples = [self._example(run, closing, opened) for closing in run.closings]
        changed = dict.fromkeys(run.touched)
        step.erasures = run.erasures
        self._withdraw(run, step)
        self._score(run, step, [*changed, *self._silent(run, changed)], changed)
        step.profiles += self._profile_rows(run, changed)
        return step

    def _profile_rows(self, run: Run, changed: Iterable[bytes]) -> list[Row]:
        rows: list[Row] = [(key, None) for key in run.erased if run.profile(key) is None]
        for key in changed:
            profile = run.profile(key)
            if profile is not None:
                rows.append((key, pack(profile)))
        clock = run.partition.clock.pack()
        if clock != run.partition.profiles.get(CLOCK_KEY):
            rows.append((CLOCK_KEY, clock))
        return rows

    # -- tickets ---------------------------------------------------------------------------

    def _tickets_of(self, run: Run) -> dict[Opening, Ticket]:
        """The tickets opened in a run, with what the models say of them."""
        tickets: dict[Opening, Ticket] = {}
        for goal in self.compiled.goals:
            openings = [opening for opening in run.openings if opening.goal is goal]
            if not openings:
                continue
            raw = raw_features([opening.frozen for opening in openings])
            scorer = self.scorer(goal)
            said = scorer.model.probabilities(raw).tolist() if scorer else [None] * len(openings)
            version = scorer.snapshot.version if scorer else 0
            for number, opening in enumerate(openings):
                tickets[opening] = Ticket(
                    goal.key, opening.t0, said[number], version, raw.one(number)
                )
        return tickets

    def _ticket_changes(self, run: Run, opened: dict[Opening, Ticket]) -> list[TicketChange]:
        changes: dict[tuple[bytes, int, int], TicketChange] = {}
        for opening in run.openings:
            ticket = (opening.goal.key, opening.t0)
            packed = pack_ticket(opened[opening])
            changes[opening.key, *ticket] = TicketChange(opening.key, ticket, packed)
        for key, (goal, t0) in run.deleted:
            changes[key, goal, t0] = TicketChange(key, (goal, t0), None)
        return list(changes.values())

    def _example(self, run: Run, closing: Closing, opened: dict[Opening, Ticket]) -> Example:
        held = closing.ticket
        ticket = opened[held] if isinstance(held, Opening) else unpack_ticket(held)
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

    # -- scores ----------------------------------------------------------------------------

    def _silent(self, run: Run, changed: dict[bytes, None]) -> list[bytes]:
        """Profiles whose silence is due for another score."""
        after, partition = self.config.scores.refresh, run.partition
        if after is None or self.silent:
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

    def _score(self, run: Run, step: Step, keys: list[bytes], changed: dict[bytes, None]) -> None:
        """Score profiles for every goal that has something to say."""
        if self.silent:
            return
        goals = [goal for goal in self.compiled.goals if self._speaks(goal)]
        now = run.partition.clock.now
        held = [
            (key, profile, max(now, profile.last))
            for key in keys
            if (profile := run.profile(key)) is not None
        ]
        if not goals or not held:
            return
        raw = raw_features([freeze(profile, moment) for _, profile, moment in held])
        for goal in goals:
            said = self._score_goal(run, step, self._scorers[goal.key], held, raw)
            changed.update(dict.fromkeys(said))

    def _speaks(self, goal: CompiledGoal) -> bool:
        scorer = self.scorer(goal)
        return scorer is not None and not _is_before(scorer.snapshot.status, goal.config.emit_from)

    def _score_goal(
        self,
        run: Run,
        step: Step,
        scorer: Scorer,
        held: list[tuple[bytes, Profile, int]],
        raw: RawFeatures,
    ) -> list[bytes]:
        """Score those that are eligible and withdraw what was said of others; whose it was."""
        goal = scorer.goal
        eligible = [goal.eligible(profile.marks, moment) for _, profile, moment in held]
        withdrawn = [
            key
            for (key, profile, _), is_eligible in zip(held, eligible, strict=True)
            if not is_eligible and goal.key in profile.scores
        ]
        for key in withdrawn:
            self._withdraw_one(run, step, goal, key)
        if not any(eligible):
            return withdrawn
        chosen = [number for number, is_eligible in enumerate(eligible) if is_eligible]
        if len(chosen) < len(held):
            raw = raw.take(chosen)
        said = self._say(run, step, scorer, [held[number] for number in chosen], raw)
        return withdrawn + said

    def _say(
        self,
        run: Run,
        step: Step,
        scorer: Scorer,
        held: list[tuple[bytes, Profile, int]],
        raw: RawFeatures,
    ) -> list[bytes]:
        goal, scored = scorer.goal, scorer.score(raw)
        before = [profile.scores.get(goal.key) for _, profile, _ in held]
        percentiles = self._rank(run, goal.key, before, scored.score)
        said = Said(
            [key.decode() for key, _, _ in held],
            [moment for _, _, moment in held],
            [profile.offset for _, profile, _ in held],
            percentiles,
            before,
        )
        records = self._writer(scorer, run.partition.number).write(scored, said)
        keys = [goal.score_prefix + key for key, _, _ in held]
        step.scores += zip(keys, records, strict=True)
        for (_, profile, moment), score in zip(held, scored.score.tolist(), strict=True):
            profile.scores[goal.key] = (score, moment)
        step.counts["scores"] += len(held)
        return [key for key, _, _ in held]

    def _writer(self, scorer: Scorer, partition: int) -> RecordWriter:
        """Writes the records of a scorer; kept as long as its snapshot is."""
        goal = scorer.goal.key
        known, writer = self._writers.get((goal, partition), (None, None))
        if writer is None or known is not scorer:
            writer = RecordWriter(scorer, self.topic, partition)
            self._writers[goal, partition] = (scorer, writer)
        return writer

    def _rank(
        self, run: Run, goal: int, before: list[tuple[float, int] | None], scores: Float64
    ) -> list[int]:
        gone = [known[0] for known in before if known is not None]
        run.partition.ranks[goal].replace(gone, scores)
        self.ranks[goal].replace(gone, scores)
        return self.ranks[goal].percentiles(scores)

    def _withdraw(self, run: Run, step: Step) -> None:
        """Tombstones for what was said of erased profiles, whether it was said or not."""
        for key in run.erased:
            packed = run.partition.profiles.get(key)
            known = unpack(packed).scores if packed is not None else {}
            for goal in self.compiled.goals:
                step.scores.append((goal.score_prefix + key, None))
                if goal.key in known:
                    self._forget(run, goal.key, known[goal.key][0])

    def _withdraw_one(self, run: Run, step: Step, goal: CompiledGoal, key: bytes) -> None:
        """Take a score back: the profile is no longer eligible."""
        profile = run.profile(key)
        if profile is None:
            return
        score, _ = profile.scores.pop(goal.key)
        step.scores.append((goal.score_prefix + key, None))
        self._forget(run, goal.key, score)
        step.counts["withdrawn"] += 1

    def _forget(self, run: Run, goal_key: int, score: float) -> None:
        run.partition.ranks[goal_key].replace([score], [])
        self.ranks[goal_key].replace([score], [])


def _is_before(status: str, emit_from: str) -> bool:
    return STATUSES.index(status) < STATUSES.index(emit_from)
