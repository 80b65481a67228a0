"""What is said of profiles: scorers, ranks and records of every goal."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from models.config.schema import Config
from models.errors import SnapshotError
from models.goals.compiled import NAMED, Compiled, CompiledGoal
from models.learning.snapshot import Snapshot
from models.partition import Partition
from models.profiles.codec import unpack
from models.profiles.features import Float64
from models.run import Run
from models.scoring.held import Held
from models.scoring.ranks import Ranks
from models.scoring.records import RecordWriter, Said
from models.scoring.scorer import Scorer
from models.step import Step

#: Profiles whose scores of goals that are no more are withdrawn in one step, at most.
MOST_RETIRED = 1_000
STATUSES = ("collecting", "warming", "ready", "degraded")


class Scoreboard:
    """Scores the profiles of a run, and withdraws what no longer holds.

    Parameters
    ----------
    config, compiled
        The questions.
    topic
        Name of the source topic, for the provenance in scores.
    """

    def __init__(self, config: Config, compiled: Compiled, topic: str) -> None:
        self.config = config
        self.compiled = compiled
        self.topic = topic
        self.ranks = {goal.key: Ranks() for goal in compiled.goals}
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
            scorer = Scorer(goal, snapshot, self._titles, self.config.scores.max_factors, known)
        except (ValueError, IndexError) as error:
            raise SnapshotError(f"{snapshot.goal}: {error}") from None
        self._scorers[goal.key] = scorer
        return True

    def scorer(self, goal: CompiledGoal) -> Scorer | None:
        """The scorer of a goal, once it has a snapshot."""
        return self._scorers.get(goal.key)

    def open(self, partition: Partition, scores: dict[int, list[float]]) -> None:
        """Rank the latest scores of a partition with the others."""
        for goal_key, ranks in self.ranks.items():
            own = partition.ranks[goal_key] = Ranks()
            own.replace([], scores.get(goal_key, []))
            ranks.merge(own)

    def close(self, partition: Partition) -> None:
        """Forget the scores of a partition."""
        for goal_key, ranks in partition.ranks.items():
            self.ranks[goal_key].merge(ranks, sign=-1)

    def score(self, run: Run, step: Step, keys: list[bytes], changed: dict[bytes, None]) -> None:
        """Score profiles for every goal that has something to say."""
        goals = [goal for goal in self.compiled.goals if self._speaks(goal)]
        if not goals:
            return
        held = _held(run, keys)
        if not len(held):
            return
        silent = len(keys) > len(changed)  # all others have changed already
        for goal in goals:
            said = self._score_goal(run, step, self._scorers[goal.key], held)
            if silent:
                changed.update(dict.fromkeys(said))

    def _speaks(self, goal: CompiledGoal) -> bool:
        scorer = self.scorer(goal)
        return scorer is not None and not _is_before(scorer.snapshot.status, goal.config.emit_from)

    def _score_goal(self, run: Run, step: Step, scorer: Scorer, held: Held) -> list[bytes]:
        """Score those that are eligible and withdraw what was said of others; whose it was."""
        goal, chosen = scorer.goal, held.eligible(scorer.goal)
        withdrawn = []
        if len(chosen) < len(held):
            withdrawn = _told(goal, run.partition.roster.before(goal), held, set(chosen))
            for key in withdrawn:
                self._withdraw_one(run, step, goal, key)
        return withdrawn + (self._say(run, step, scorer, held.take(chosen)) if chosen else [])

    def _say(self, run: Run, step: Step, scorer: Scorer, held: Held) -> list[bytes]:
        goal, scored = scorer.goal, scorer.score_parts(held.parts)
        before = [profile.scores.get(goal.key) for profile in held.profiles]
        percentiles = self._rank(run, goal.key, before, scored.score)
        said = Said(held.whose, percentiles, before)
        records = self._writer(scorer, run.partition.number).write(scored, said)
        prefix = goal.score_prefix
        step.scores += zip([prefix + key for key in held.keys], records, strict=True)
        older = run.partition.roster.before(goal)
        latest = zip(scored.score.tolist(), held.moments, strict=True)
        for profile, score in zip(held.profiles, latest, strict=True):
            profile.scores[goal.key] = score
            for version in older:
                profile.scores.pop(version, None)
        run.partition.roster.names[goal.key] = goal.name
        step.counts["scores"] += len(held)
        return list(held.keys)

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

    def withdraw(self, run: Run, step: Step) -> None:
        """Tombstones for what was said of erased profiles, whether it was said or not."""
        names = self.names(run.partition)
        for key in run.erased:
            packed = run.partition.profiles.get(key)
            known = unpack(packed).scores if packed is not None else {}
            step.scores += [(f"{name}/".encode() + key, None) for name in names]
            for goal in self.compiled.goals:
                if goal.key in known:
                    self._forget(run, goal.key, known[goal.key][0])

    def names(self, partition: Partition) -> list[str]:
        """The names of all goals of which there may be scores, of removed ones as well."""
        return list(dict.fromkeys([*self.config.goals, *partition.roster.names.values()]))

    def retire(self, run: Run, step: Step) -> list[bytes]:
        """Withdraw scores of goals that are no more, from some profiles at a time; which they are.

        Those of an earlier version of a goal stand until its new model speaks of the profile.
        """
        roster = run.partition.roster
        removed = roster.removed(self.compiled)
        if not removed:
            return []
        changed = []
        for key in roster.take_leaving(MOST_RETIRED):
            profile = run.profile(key)
            gone = sorted(profile.scores.keys() & removed.keys()) if profile is not None else []
            for goal in gone:
                step.scores.append((f"{removed[goal]}/".encode() + key, None))
            if profile is not None and gone:
                profile.scores = {
                    goal: said for goal, said in profile.scores.items() if goal not in removed
                }
                step.counts["withdrawn"] += len(gone)
                changed.append(key)
        return changed

    def _withdraw_one(self, run: Run, step: Step, goal: CompiledGoal, key: bytes) -> None:
        """Take a score back: the profile is no longer eligible."""
        profile = run.profile(key)
        if profile is None:
            return
        said = profile.scores.pop(goal.key, None)
        for version in run.partition.roster.before(goal):
            profile.scores.pop(version, None)
        step.scores.append((goal.score_prefix + key, None))
        if said is not None:
            self._forget(run, goal.key, said[0])
        step.counts["withdrawn"] += 1

    def _forget(self, run: Run, goal_key: int, score: float) -> None:
        run.partition.ranks[goal_key].replace([score], [])
        self.ranks[goal_key].replace([score], [])


def _held(run: Run, keys: Sequence[bytes]) -> Held:
    """Those profiles that there are, as they are by the clock or by their latest event."""
    now, profiles = run.partition.clock.now, run.profiles
    there = [key for key in keys if profiles[key] is not None]
    states = [profile for key in there if (profile := profiles[key]) is not None]
    lasts = [profile.last for profile in states]
    return Held(there, states, [last if last > now else now for last in lasts])


def _told(goal: CompiledGoal, older: Iterable[int], held: Held, but: Container[int]) -> list[bytes]:
    """Of whom a goal, in this version or an older one, has said something; some left out."""
    versions = {goal.key, *older}
    return [
        key
        for number, (key, profile) in enumerate(zip(held.keys, held.profiles, strict=True))
        if number not in but and not versions.isdisjoint(profile.scores)
    ]


def _is_before(status: str, emit_from: str) -> bool:
    return STATUSES.index(status) < STATUSES.index(emit_from)
