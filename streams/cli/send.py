"""``penchant send``: a file into the events topic, keyed and checked."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterable
from itertools import chain, islice
from typing import Any

import click
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from rich.progress import Progress

from models.config.durations import SECOND
from models.config.schema import LimitsPart
from models.errors import InvalidEvent
from models.events.parsing import parse_event
from streams.admin import BrokerError, require_topics
from streams.cli.answers import answer, with_json
from streams.cli.common import (
    CONFIG,
    FAILED,
    Number,
    complain,
    err,
    read_config,
    reports_errors,
    say,
    settings_of,
    waiting,
    with_layout,
    with_settings,
)
from streams.cli.usage import examples
from streams.offline.files import Line, read_events
from streams.offline.layout import FileLayout
from streams.security import client_options
from streams.settings import Settings
from streams.topics import topics_of

#: Refused lines that are shown one by one; the rest is counted.
MOST_SHOWN = 10
#: What is counted beside the reasons of what was refused.
SENT = "sent"


@click.command(
    "send",
    epilog=examples(
        "penchant send goals.yaml events.jsonl.gz",
        "penchant send goals.yaml events.jsonl --speed 3600",
        "penchant send goals.yaml buys.csv --column profile_id=user --set type=buy",
    ),
)
@CONFIG
@click.argument("events", type=click.Path())
@click.option(
    "--speed",
    type=Number(min=0, min_open=True),
    help="Seconds of event time sent in a second; as fast as it goes if left out",
)
@with_layout
@with_settings
@with_json("{topic, sent, refused, seconds, reasons: {CODE: count}}")
@reports_errors
def command(  # noqa: PLR0913, PLR0917 - one argument an option
    config: str,
    events: str,
    speed: float | None,
    as_json: bool,
    brokers: str | None,
    prefix: str | None,
    layout: FileLayout,
) -> None:
    """Send the file EVENTS (.jsonl, .jsonl.gz, .csv, .parquet) into the events topic.

    Every event is checked as the worker would check it; those that are wrong are shown with their
    line and not sent, and the command exits 1.
    """
    limits = read_config(config).limits
    settings = settings_of(brokers, prefix)
    lines = iter(read_events(events, layout))
    first = list(islice(lines, 1))  # what is wrong with the file is said before a broker is asked
    with waiting("asking the broker"):
        require_topics(settings)
    started = time.monotonic()
    try:
        counts = asyncio.run(send(settings, limits, chain(first, lines), speed))
    except KafkaError as error:
        raise BrokerError(f"sending stopped: {error}") from None
    sent, refused = counts.pop(SENT), counts.total()
    if as_json:
        answer({
            "topic": topics_of(settings).events, "sent": sent, "refused": refused,
            "seconds": round(time.monotonic() - started, 3), "reasons": counts,
        })  # fmt: skip
    else:
        say(f"{sent:,} events sent, {refused:,} refused")
    if refused:
        sys.exit(FAILED)


async def send(
    settings: Settings, limits: LimitsPart, lines: Iterable[Line], speed: float | None
) -> Counter[str]:
    """Send events; returns how many were sent, and how many refused for each reason."""
    producer = AIOKafkaProducer(
        linger_ms=20, max_batch_size=256 * 1024, acks="all", **client_options(settings)
    )
    await producer.start()
    counts: Counter[str] = Counter({SENT: 0})
    failed = Failed()
    try:
        with Progress(console=err, disable=not err.is_terminal) as progress:
            task = progress.add_task("sending", total=None)
            pace = Pace(speed)
            for line in lines:
                event = _checked(line.number, line.value, limits, counts)
                if event is None:
                    continue
                await pace.wait(event.at)
                delivery = await producer.send(
                    topics_of(settings).events, value=line.value, key=event.profile_id.encode()
                )
                delivery.add_done_callback(failed.look_at)
                counts[SENT] += 1
                progress.advance(task)
                if failed.error is not None:
                    break
        await producer.flush()
    finally:
        await producer.stop()
    if failed.error is not None:
        raise failed.error
    return counts


class Failed:
    """The first delivery that the broker refused: a flush does not say."""

    error: BaseException | None = None

    def look_at(self, delivery: asyncio.Future[Any]) -> None:
        """Remember what it failed with, if it did and is the first."""
        error = None if delivery.cancelled() else delivery.exception()
        self.error = self.error or error


def _checked(number: int, value: bytes, limits: LimitsPart, counts: Counter[str]) -> Any:
    try:
        return parse_event(value, limits)
    except InvalidEvent as error:
        counts[error.reason] += 1
        if counts.total() - counts[SENT] <= MOST_SHOWN:
            complain(f"line {number}: {error}", markup=False)
        return None


class Pace:
    """Lets events through as fast as event time is meant to pass.

    Parameters
    ----------
    speed
        Seconds of event time in a second; None for as fast as it goes.
    """

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._first: tuple[int, float] | None = None

    async def wait(self, at: int) -> None:
        """Wait until it is time for an event of ``at``."""
        if self._speed is None:
            return
        now = time.monotonic()
        if self._first is None:
            self._first = (at, now)
        first_at, started = self._first
        ahead = (at - first_at) / SECOND / self._speed - (now - started)
        if ahead > 0:
            await asyncio.sleep(ahead)
