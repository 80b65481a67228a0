"""A dry run of every goal over a file: who, how many, how often, and whether that is enough."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from models.config.durations import DAY
from models.config.goals import Eligibility
from models.config.schema import Config
from models.errors import InvalidEvent
from models.events.parsing import parse_event
from models.goals.compiled import Compiled, CompiledGoal
from models.learning.readiness import CODES, readiness_of, told
from models.quality.leakage import Separations
from models.quality.tally import Tally
from streams.collector import calmly
from streams.offline.backtest import Backtest, GoalRun, run_size
from streams.offline.figures import check_applied, check_survey, notes_of
from streams.offline.latest import eligible_profiles
from streams.offline.layout import FileLayout
from streams.offline.ordered import FileRecord, records_of
from streams.offline.spill import ABOUT
from streams.offline.survey import Survey, survey

#: The history that features need to mean something.
LEAST_HISTORY = 30 * DAY
#: Days after which data is not recent.
RECENT = 30.0
#: Days ahead of now from which a time is no matter of clocks.
AHEAD = 1.0
#: The share of events out of order that is worth a look.
DISORDERED = 0.05
#: Events of one profile that are worth a look: so many, and so many times the mean.
MANY_EVENTS, TIMES_MEAN = 1_000, 100
#: Stretches in which the base rate is shown.
STRETCHES = 12


class Finding(NamedTuple):
    """Something that keeps a goal from being ready, or should be looked at.

    Parameters
    ----------
    code
        Of :data:`models.learning.readiness.CODES`.
    have, need
        What it is about.
    where
        The event type, attribute or line it is about, if any.
    """

    code: str
    have: float = 0
    need: float = 0
    where: str = ""

    @property
    def text(self) -> str:
        """In words, with what to change."""
        about = f"{self.where}: " if self.where else ""
        return f"{about}{told(self.code, self.have, self.need)}; {CODES[self.code].change}"


class GoalCheck(NamedTuple):
    """What a dry run says of a goal."""

    name: str
    title: str
    status: str
    eligible: int
    tickets: int
    labelled: int
    positives: int
    have_days: float
    need_days: float
    base_rates: list[float | None]
    events: dict[str, float]
    findings: list[Finding]


class Check(NamedTuple):
    """What a dry run says."""

    survey: Survey
    applied: int
    profiles: int
    notes: list[str]
    findings: list[Finding]
    goals: list[GoalCheck]


@calmly()
def dry_run(
    config: Config, events: str, layout: FileLayout, now: int, tell: Callable[[int, int], None]
) -> Check:
    """Run a file through the engine without learning.

    Parameters
    ----------
    config, events, layout
        The questions and the file.
    now
        The time, milliseconds, to tell whether the data is recent.
    tell
        Is told how many lines are done, of how many.

    Raises
    ------
    ConfigError
        The file cannot be read to its end, or nothing in it is an event that can be applied.
    """
    found = survey(events, layout)
    check_survey(events, found)
    counted: Counter[bytes] = Counter()
    done = 0

    def applied(number: int) -> None:
        nonlocal done
        done += number
        tell(done, found.lines)

    with tempfile.TemporaryDirectory() as folder:
        run = Backtest(config, Path(folder), learns=False)
        amounts = _Amounts(run.engine.compiled)
        records = records_of(events, layout, found, config.time.allowed_lateness)
        run.run(_counting(records, counted, amounts), run_size(config, found), applied)
        check_applied(events, found, run)
        run.finish()
        goals = [_check(run, goal, found) for goal in run.goals.values()]
        findings = list(_of_file(found, run, counted, now))
        if amounts.missing:
            findings.append(Finding("no_value", where=f"events.value, {config.events.value}"))
        return Check(
            found, run.counts["applied"], run.counts["new_profiles"], notes_of(config, found, run),
            findings, goals,
        )  # fmt: skip


class _Amounts:
    """Whether any event carries a number at the configured path: none is looked at after it.

    Parameters
    ----------
    compiled
        The questions.
    """

    def __init__(self, compiled: Compiled) -> None:
        self._value = compiled.value
        self._limits = compiled.config.limits
        self.missing = self._value is not None

    def look(self, record: FileRecord) -> None:
        """Look at an event."""
        if self.missing and self._value is not None:
            with suppress(InvalidEvent):
                fields = parse_event(record.value, self._limits).fields
                self.missing = self._value(fields) is None


def _counting(
    records: Iterator[FileRecord], counted: Counter[bytes], amounts: _Amounts
) -> Iterator[FileRecord]:
    for record in records:
        counted[record.key] += 1
        amounts.look(record)
        yield record


def _of_file(found: Survey, run: Backtest, counted: Counter[bytes], now: int) -> Iterator[Finding]:
    if not run.counts["applied"]:
        yield Finding("no_events")
    age = (now - found.horizon) / DAY
    if age > RECENT:
        yield Finding("no_recent_data", age, RECENT)
    if (ahead := (found.last - now) / DAY) > AHEAD:
        yield Finding("in_the_future", ahead, AHEAD)
    if run.reasons["future"]:
        lines = [str(one["line"]) for one in run.refused if one["reason"] == "future"]
        yield Finding("time_out_of_line", run.reasons["future"], 0, f"line {', '.join(lines[:5])}")
    if found.disordered > DISORDERED * found.readable:
        yield Finding("out_of_order", found.disordered / found.readable, DISORDERED)
    mean = sum(counted.values()) / max(len(counted), 1)
    limit = max(MANY_EVENTS, TIMES_MEAN * mean)
    shared = [(key, number) for key, number in counted.most_common(100) if number > limit]
    if shared and len(counted) > 1:
        named = ", ".join(key.decode(errors="replace") for key, _ in shared[:3])
        yield Finding("shared_ids", len(shared), limit, named)


def _check(run: Backtest, one: GoalRun, found: Survey) -> GoalCheck:
    spill, goal = one.spill, one.goal
    separations = Separations()
    rates = np.zeros((STRETCHES, 2))
    for piece in spill.pieces():
        _look(piece, separations, rates, (spill.first_t0 or 0, spill.last_t0 or 0))
    matured = None if spill.first_t0 is None else (spill.last_t0 or 0) - spill.first_t0
    readiness = readiness_of(matured, goal.window, spill.labelled, spill.positives, Tally())
    eligible = sum(1 for _ in eligible_profiles(run.partition, goal, 1.0))
    have, need = (found.horizon - found.first) / DAY, needed_days(goal)
    findings = []
    if not spill.tickets and not eligible:
        findings.append(Finding("no_eligible_profile"))
    elif not spill.tickets and goal.config.tickets.at is not None:
        findings.append(Finding("no_ticket"))
    elif readiness.reason:
        findings.append(Finding(readiness.reason, readiness.have, readiness.need))
    if have < need:
        findings.append(Finding("history_too_short", have, need))
    findings += [
        Finding("leakage", auc, 0.0, name)
        for name, auc in separations.suspicious().items()
        if name not in goal.own  # to do it again is a habit, not a leak
    ]
    return GoalCheck(
        goal.name, goal.title, readiness.status, eligible, spill.tickets, spill.labelled,
        spill.positives, have, need,
        [float(came / labels) if labels else None for labels, came in rates.tolist()],
        {name: count / max(spill.tickets, 1) for name, count in spill.sources.most_common(16)},
        findings,
    )  # fmt: skip


def _look(piece: pa.Table, separations: Separations, rates: Any, span: tuple[int, int]) -> None:
    """Count a piece of the tickets by time, and each of its features by label."""
    labelled = piece.filter(piece["label"].is_valid())
    labels = labelled["label"].to_numpy().astype(np.int64)
    t0 = labelled["t0"].cast(pa.int64()).to_numpy()
    first, last = span
    stretch = (t0 - first) * STRETCHES // max(last - first + 1, 1)
    np.add.at(rates, stretch, np.column_stack((np.ones(len(labels)), labels)))
    about = {*ABOUT.names}
    features = [
        name
        for name in labelled.column_names
        if name not in about and not name.startswith(("said/", "profile/"))
    ]
    separations.add({name: labelled[name].to_numpy() for name in features}, labels)


def needed_days(goal: CompiledGoal) -> float:
    """Days of history that a goal needs: the longest look-back, at least 30 days, and a window."""
    eligible = goal.config.eligible
    look_back = max([LEAST_HISTORY, *(_look_backs(eligible) if eligible else ())])
    return float(look_back + goal.window) / DAY


def _look_backs(tree: Eligibility) -> Iterator[int]:
    if tree.in_last is not None:
        yield tree.in_last
    for part in tree.parts:
        yield from _look_backs(part)
