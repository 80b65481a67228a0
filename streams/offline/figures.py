"""What a backtest has found: ``report.json`` and the tickets."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from models.config.durations import HOUR
from models.config.schema import Config
from models.errors import ConfigError, Problem
from models.learning.readiness import CODES, told
from models.quality.evaluation import Evaluation, Judged
from streams.collector import calmly
from streams.offline.backtest import Backtest, GoalRun, run_size
from streams.offline.latest import latest_of
from streams.offline.layout import FileLayout
from streams.offline.ordered import records_of
from streams.offline.survey import TOO_OLD, Survey, survey
from streams.offline.tickets import write_tickets
from streams.report.page import write_report

#: How often, over the whole file, it is noted how much each factor weighs.
LOOKS = 24
#: Is told the stage, how much of it is done, and how much there is.
Tell = Callable[[str, int, int | None], None]


@calmly()
def backtest(
    config: Config, events: str, out: Path, layout: FileLayout, tell: Tell
) -> dict[str, Any]:
    """Run a file through the engine; write ``report.json`` and the tickets.

    Returns
    -------
    The report.

    Raises
    ------
    ConfigError
        The file cannot be read to its end, or nothing in it is an event that can be applied.
    """
    started = time.perf_counter()
    found = survey(events, layout)
    check_survey(events, found)
    done = 0

    def applied(number: int) -> None:
        nonlocal done
        done += number
        tell("events", done, found.lines)

    with tempfile.TemporaryDirectory(dir=out, prefix=".backtest-") as folder:
        run = Backtest(config, Path(folder), Path(events).name)
        run.looks = _looks(found)
        records = records_of(events, layout, found, config.time.allowed_lateness)
        run.run(records, run_size(config, found), applied)
        check_applied(events, found, run)
        tell("evaluation", 0, None)
        run.finish()
        goals = goals_of(run, out)
    seconds = time.perf_counter() - started
    report = {
        "source": Path(events).name,
        "events": run.counts["applied"],
        "profiles": run.counts["new_profiles"],
        "seconds": round(seconds, 3),
        "events_per_second": round(found.lines / seconds, 1),
        "counts": dict(run.counts),
        "refused": {"count": sum(run.reasons.values()), "reasons": dict(run.reasons),
                    "first": run.refused},
        "file": found.summary(),
        "notes": [*_nothing_left(run), *notes_of(config, found, run)],
        "goals": goals,
    }  # fmt: skip
    (out / "report.json").write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    write_report(report, out / "report.html")
    return report


def _looks(found: Survey) -> Iterator[int]:
    step = max((found.horizon - found.first) // LOOKS, 1)
    return iter(range(found.first + step, found.horizon, step))


def check_survey(events: str, found: Survey) -> None:
    """Refuse a file in which nothing is an event.

    Raises
    ------
    ConfigError
        Saying so.
    """
    if not found.lines:
        raise ConfigError(events, [Problem("", "no events in it", "at least one event")])
    if not found.readable:
        shown = f"{found.lines:,} lines, none of them an event; the first: {found.first_problem}"
        raise ConfigError(
            events,
            [Problem("", shown, "an event a line: event_id, profile_id, timestamp with a zone "
                     "(--zone for times that name none), type", found.first_problem_line)],
        )  # fmt: skip


def check_applied(events: str, found: Survey, run: Backtest) -> None:
    """Refuse a file of which every event was refused.

    Raises
    ------
    ConfigError
        Saying how many there were, and what was wrong with the first of them.
    """
    if run.reasons.total() == found.lines:
        first = run.refused[0]
        shown = (
            f"{found.lines:,} events, every one of them refused; the first: "
            f"{first['message']} ({first['reason']})"
        )
        raise ConfigError(events, [Problem("", shown, "at least one that is right", first["line"])])


def notes_of(config: Config, found: Survey, run: Backtest) -> list[str]:
    """What a reader of the figures has to know about the file."""
    return list(_notes(config, found, run))


def _nothing_left(run: Backtest) -> Iterator[str]:
    """What a dry run has as a finding."""
    if not run.counts["applied"]:
        yield f"{told('no_events', 0, 0)}: {CODES['no_events'].change}"


def _notes(config: Config, found: Survey, run: Backtest) -> Iterator[str]:
    refused, counts = sum(run.reasons.values()), run.counts
    if refused:
        first = run.refused[0]
        yield (f"{refused:,} of {found.lines:,} lines were refused; the first in line "
               f"{first['line']}: {first['message']} ({first['reason']})")  # fmt: skip
    if found.most_late > config.time.allowed_lateness:
        yield (f"{found.disordered:,} events are out of order, by up to "
               f"{found.most_late / HOUR:.1f} hours, the first in line {found.first_disordered}: "
               "they were sorted by time first")  # fmt: skip
    if found.last < TOO_OLD:
        yield ("all times are before 1980: if they are numbers that count seconds, "
               "say --seconds")  # fmt: skip
    if found.repeated:
        yield (f"{found.repeated:,} events have the id of another one; {counts['duplicates']:,} of "
               "them came soon after it and were left out, the others counted")  # fmt: skip
    if len(found.zones) > 1:
        shown = ", ".join(f"{zone} ({n:,})" for zone, n in found.zones.most_common(5))
        yield f"times are written in several zones and were all brought to UTC: {shown}"


def goals_of(backtest: Backtest, out: Path) -> dict[str, Any]:
    """Write the tickets of every goal; what is found in them, as plain JSON."""
    folder = out / "tickets"
    folder.mkdir(parents=True, exist_ok=True)
    return {
        name: _figures(run, folder / f"{name}.parquet")
        | {"latest": latest_of(backtest.engine, backtest.partition, run.goal, backtest.topic)}
        for name, run in backtest.goals.items()
    }


def _figures(run: GoalRun, path: Path) -> dict[str, Any]:
    spill, config, readiness = run.spill, run.goal.config, run.trainer.readiness
    evaluation = Evaluation(spill.labelled, spill.first_t0 or 0, spill.last_t0 or 0)
    left_out = write_tickets(spill, path, lambda piece: evaluation.add(judged_of(piece)))
    return {
        "title": run.goal.title,
        "goal_version": run.goal.version,
        "propensity": config.propensity,
        "window_seconds": run.goal.window / 1000,
        "tickets": spill.tickets,
        "labelled": spill.labelled,
        "positives": spill.positives,
        "base_rate": spill.positives / spill.labelled if spill.labelled else None,
        "status": readiness.status,
        "reason": readiness.reason,
        "have": readiness.have,
        "need": readiness.need,
        "model_version": run.trainer.version,
        "features_left_out": left_out,
        "importance_over_time": run.importance,
        "factor_stability": run.trainer.model.importance.stability,
        **evaluation.figures(),
    }


def judged_of(piece: pa.Table) -> Judged:
    """The labelled tickets of a piece."""
    labelled = piece.filter(piece["label"].is_valid())
    numbers = [
        np.asarray(labelled[name].to_numpy(), dtype=np.float64)
        for name in ("probability", "said/score", "said/base_rate", "said/recency")
    ]
    t0 = labelled["t0"].cast(pa.int64()).to_numpy()
    return Judged(t0, labelled["label"].to_numpy().astype(np.int64), *numbers)
