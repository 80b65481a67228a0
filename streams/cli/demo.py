"""``penchant demo``: the main job on real data, with everything it needs."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from subprocess import Popen
from types import FrameType
from typing import Any

import click
import orjson
from rich.console import Console
from rich.live import Live

from models.errors import ConfigError, PenchantError, Problem
from streams.admin import admin_client, create_topics, find_topics
from streams.cli.answers import answer, with_json
from streams.cli.common import (
    FAILED,
    complain,
    err,
    folder_of,
    out,
    read_config,
    reports_errors,
    say,
)
from streams.cli.usage import examples
from streams.demo.follow import Follower, Seen
from streams.demo.journey import read_journey
from streams.demo.screen import Screen
from streams.demo.summary import show, summarise
from streams.processes import embedded_broker, free_port, penchant, start, stop
from streams.settings import Settings, load_settings

#: Seconds without any progress after which the demo gives up.
PATIENCE = 60.0
#: Seconds of stillness after the last event in which the trainers finish.
STILL = 2.5
LINE_EVERY = 5.0


class DemoError(PenchantError):
    """The demo did not get to its end."""


@click.command(
    "demo",
    epilog=examples(
        "penchant demo",
        "penchant demo --keep",
        "penchant demo --events 30000 --json | jq '.goals[].evaluation.auc'",
    ),
)
@click.option("--keep", is_flag=True, help="Leave broker and worker up at the end")
@click.option("--events", "limit", type=click.IntRange(min=1), help="Only the first so many events")
@click.option("--out", "folder", default="out/demo", help="Where logs and the report go")
@click.option("--partitions", default=4, type=click.IntRange(1, 64), help="Of the events topic")
@with_json("what report.json in --out holds; not with --keep")
@reports_errors
def command(keep: bool, limit: int | None, folder: str, partitions: int, as_json: bool) -> None:
    """Run the whole job on a year of real data: embedded broker, worker, live progress, report."""
    if keep and as_json:
        found = Problem("--json", "--keep beside it", "one of them: --keep has no end to answer at")
        raise ConfigError("penchant demo", [found])
    signal.signal(signal.SIGTERM, _interrupt)
    with contextlib.suppress(KeyboardInterrupt):
        summary = run(folder_of(folder), limit, partitions, err if as_json else out, keep=keep)
        if as_json:
            answer(summary)
        return
    complain("interrupted; nothing is left running")
    sys.exit(FAILED)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def run(
    folder: Path, limit: int | None, partitions: int, console: Console, *, keep: bool
) -> dict[str, Any]:
    """The demo from start to end, told on a console; returns what it sums up to."""
    for old in ("broker.log", "worker.log", "send.log"):
        (folder / old).unlink(missing_ok=True)
    goals = folder / "goals.yaml"
    goals.write_text((resources.files("streams.demo") / "goals.yaml").read_text(encoding="utf-8"))
    config = read_config(str(goals))
    with embedded_broker(folder) as brokers:
        settings = load_settings(
            brokers=brokers, partitions=partitions, guarantee="at_least_once",
            web_port=free_port(), session_timeout=6.0, snapshot_every=0.25,
        )  # fmt: skip
        with admin_client(settings) as client:
            missing = [one.wanted for one in find_topics(client, settings) if one.problem]
            create_topics(client, settings, missing)
        with child(penchant("worker", str(goals)), folder / "worker.log", settings) as worker:
            metrics = f"http://{settings.web_host}:{settings.web_port}/metrics"
            console.print(
                f"broker at {brokers}, metrics at {metrics}, logs in {folder}/", soft_wrap=True
            )
            console.print("reading the Complete Journey data ...")
            count = write_events(folder / "events.jsonl", limit)
            titles = {name: goal.title or name for name, goal in config.goals.items()}
            summary = feed(Screen(titles, count, console), settings, folder, worker)
            if keep:
                stay(goals, settings)
    return summary


@contextlib.contextmanager
def child(arguments: list[str], log: Path, settings: Settings) -> Iterator[Popen[bytes]]:
    """A command of ours that ends with the demo."""
    process = start(arguments, log, environment_of(settings))
    try:
        yield process
    finally:
        stop(process)


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as environment variables."""
    given = settings.model_dump(exclude_unset=True, mode="json")
    return {f"PENCHANT_{name.upper()}": str(value) for name, value in given.items()}


def write_events(path: Path, limit: int | None) -> int:
    """Write the data as events; returns how many there are."""
    count = 0
    with path.open("wb") as file:
        for event in itertools.islice(read_journey(), limit):
            file.write(orjson.dumps(event) + b"\n")
            count += 1
    return count


def feed(screen: Screen, settings: Settings, folder: Path, worker: Popen[bytes]) -> dict[str, Any]:
    """Send the events, show what becomes of them, and sum up."""
    goals, events = str(folder / "goals.yaml"), str(folder / "events.jsonl")
    with child(penchant("send", goals, events), folder / "send.log", settings) as sender:
        follower = Follower(settings)
        seconds = asyncio.run(watch(follower, screen, [worker, sender]))
    summary = summarise(follower.seen, screen.titles, seconds)
    report = folder / "report.json"
    report.write_bytes(orjson.dumps(summary, option=orjson.OPT_INDENT_2))
    show(summary, screen.console, report)
    return summary


async def watch(follower: Follower, screen: Screen, children: list[Popen[bytes]]) -> float:
    """Show progress until everything is done; returns the seconds from first to last event."""
    following = asyncio.create_task(follower.run())
    progress, console = Progress(screen), screen.console
    try:
        with (
            Live(console=console, auto_refresh=False, transient=True)
            if console.is_terminal
            else (contextlib.nullcontext()) as live
        ):
            while not progress.finished(follower.seen):
                await asyncio.sleep(0.25)
                check(following, children, progress)
                if live is not None:
                    live.update(screen.render(follower.seen), refresh=True)
                elif progress.line_is_due():
                    console.print(screen.line(follower.seen), soft_wrap=True)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    await follower.read_examples()
    return progress.seconds


def check(following: asyncio.Task[None], children: list[Popen[bytes]], progress: Progress) -> None:
    """Give up when something has died or nothing moves.

    Raises
    ------
    DemoError
        With what to look at.
    """
    worker, sender = children
    if following.done():
        raise DemoError(f"following the worker ended: {following.exception()!r}")
    if worker.poll() is not None:
        raise DemoError(f"the worker ended with {worker.returncode}; see worker.log")
    if sender.poll() not in (None, 0):
        raise DemoError(f"sending ended with {sender.returncode}; see send.log")
    if progress.still_for > PATIENCE:
        raise DemoError("nothing has moved for a minute; see worker.log")


class Progress:
    """Whether the worker still moves, and when it is done.

    Parameters
    ----------
    screen
        Knows how many events there are.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._state: object = None
        self._moved_at = self._line_at = self._looked_at = time.monotonic()
        self._first: float | None = None
        self._all = False
        #: From the look before the first event was done to the one that saw them all done.
        self.seconds = 0.0

    @property
    def still_for(self) -> float:
        """Seconds since anything has moved."""
        return time.monotonic() - self._moved_at

    def finished(self, seen: Seen) -> bool:
        """Whether all events have been dealt with and everything has come to rest."""
        done = self._screen.done(seen)
        state = (done, dict(seen.read), seen.total("penchant_examples_total"))
        now = time.monotonic()
        if state != self._state:
            self._state, self._moved_at = state, now
        if done and self._first is None:
            self._first = self._looked_at
        if self._first is not None and not self._all:
            self.seconds = now - self._first
            self._all = done >= self._screen.events
        self._looked_at = now
        return done >= self._screen.events and self.still_for > STILL

    def line_is_due(self) -> bool:
        """Whether it is time for another line in a log."""
        now = time.monotonic()
        if now - self._line_at < LINE_EVERY:
            return False
        self._line_at = now
        return True


def stay(goals: Path, settings: Settings) -> None:
    """Leave everything up until interrupted, and say what can be done with it."""
    event = {
        "event_id": "mine-1", "profile_id": "household-1", "timestamp": "2018-01-02T10:00:00Z",
        "type": "basket", "properties": {"amount": 42.5},
    }  # fmt: skip
    environment = (
        f"export PENCHANT_BROKERS={settings.brokers} PENCHANT_PARTITIONS={settings.partitions} "
        f"PENCHANT_GUARANTEE={settings.guarantee}"
    )
    program = called(sys.argv[0])
    say("\nBroker and worker stay up until Ctrl-C. In another terminal:")
    say(f"  {environment}", markup=False)
    say(f"  {program} watch --profile household-1", markup=False)
    say("and then, in a third:")
    say(f"  {environment}", markup=False)
    say(f"  echo '{orjson.dumps(event).decode()}' > mine.jsonl", markup=False)
    say(f"  {program} send {goals} mine.jsonl", markup=False)
    signal.pause()


def called(program: str) -> str:
    """What another terminal has to type, which may know no ``penchant``: as this one was called.

    Examples
    --------
    >>> called(".venv/bin/penchant"), called("-c")
    ('.venv/bin/penchant', 'penchant')
    """
    return shlex.quote(program) if Path(program).name == "penchant" else "penchant"
