"""``penchant dlq``: refused records, and sending them again after a fix."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import click
import orjson
from aiokafka.errors import KafkaError
from rich.markup import escape
from rich.table import Table

from models.errors import ConfigError, Problem
from streams.admin import BrokerError, admin_client, require_readable
from streams.cli.answers import answer, answer_line, with_json, with_json_lines
from streams.cli.common import (
    FAILED,
    complain,
    out,
    reports_errors,
    say,
    settings_of,
    waiting,
    with_settings,
)
from streams.cli.usage import examples
from streams.letters import Letter, Place, Replay, read_letters, replay
from streams.logs import hushed
from streams.settings import Settings
from streams.tables import print_table
from streams.topics import topics_of

Result = TypeVar("Result")
MOST_SHOWN = 20


@click.group(
    "dlq",
    epilog=examples(
        "penchant dlq list",
        "penchant dlq show 3/17",
        "penchant dlq replay --reason too_large",
    ),
)
def command() -> None:
    """Refused records: why, what came, and sending them again after a fix."""


@command.command(
    "list",
    epilog=examples(
        "penchant dlq list --reason bad_timestamp",
        "penchant dlq list --last 1000 --json | jq -r .reason | sort | uniq -c",
    ),
)
@click.option("--reason", help="Only letters with this code")
@click.option("--last", type=click.IntRange(min=1), default=50, show_default=True, help="How many")
@with_settings
@with_json_lines("a letter, without its value")
@reports_errors
def list_letters(
    reason: str | None, last: int, as_lines: bool, brokers: str | None, prefix: str | None
) -> None:
    """List refused records, the latest last; * marks those that were sent again."""
    letters, replayed = _done(settings_of(brokers, prefix), read_letters)
    chosen = [letter for letter in letters if reason in (None, letter.reason)]
    shown = chosen[-last:]
    if as_lines:
        for letter in shown:
            answer_line(orjson.dumps(_told(letter, replayed)))
        return
    table = Table("place", "refused at", "reason", "message", "key", "bytes", "*")
    for letter in shown:
        table.add_row(
            _name(letter.place), escape(letter.headers.get("failed_at", "")[:19]),
            escape(letter.reason), escape(letter.headers.get("message", "")),
            escape(_text(letter.key)[:40]), str(len(letter.value or b"")),
            "*" if letter.place in replayed else "",
        )  # fmt: skip
    print_table(out, table)
    say(f"{len(shown):,} of {len(chosen):,} letters")


@command.command(
    "show",
    epilog=examples(
        "penchant dlq show 3/17",
        "penchant dlq show 3/17 --json | jq -r .value_base64 | base64 -d",
    ),
)
@click.argument("place")
@with_settings
@with_json("the letter with value, key_base64 and value_base64 as they came")
@reports_errors
def show(place: str, as_json: bool, brokers: str | None, prefix: str | None) -> None:
    """Show one refused record: where it came from, why it was refused, its bytes.

    PLACE is PARTITION/OFFSET as `list` shows it.
    """
    wanted = _place(place)
    letters, replayed = _done(settings_of(brokers, prefix), read_letters)
    found = next((letter for letter in letters if letter.place == wanted), None)
    if found is None:
        raise BrokerError(f"no letter at {place}")
    if as_json:
        answer(_told(found, replayed) | {
            "value": None if found.value is None else _text(found.value),
            "key_base64": _base64(found.key), "value_base64": _base64(found.value),
        })  # fmt: skip
        return
    for name, value in sorted(found.headers.items()):
        say(f"{name}: {_text(value.encode())}", markup=False)
    say(f"replayed: {'yes' if wanted in replayed else 'no'}")
    say(f"key: {_text(found.key)}", markup=False)
    say(f"value: {_text(found.value)}", markup=False)


@command.command(
    "replay",
    epilog=examples(
        "penchant dlq replay --reason too_large",
    ),
)
@click.argument("places", nargs=-1)
@click.option("--reason", help="All letters with this code")
@click.option("--all", "everything", is_flag=True, help="All letters")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many")
@with_settings
@with_json("{sent, before, impossible: [{place, why}]}")
@reports_errors
def replay_letters(  # noqa: PLR0913, PLR0917 - one argument an option
    places: tuple[str, ...],
    reason: str | None,
    everything: bool,
    limit: int | None,
    as_json: bool,
    brokers: str | None,
    prefix: str | None,
) -> None:
    """Send refused records to where they came from again, each once.

    Fix first what made the worker refuse them. PLACES are PARTITION/OFFSET as `list` shows them.
    Those sent before are left out; a record that is refused once more is a new letter.
    """
    if not places and reason is None and not everything:
        expected = "PARTITION/OFFSET, --reason CODE or --all"
        raise ConfigError("penchant dlq replay", [Problem("PLACES", "none", expected)])
    chosen = {_place(place) for place in places}
    met: set[Place] = set()

    def wanted(letter: Letter) -> bool:
        met.add(letter.place)
        return (not chosen or letter.place in chosen) and reason in (None, letter.reason)

    result: Replay = _done(
        settings_of(brokers, prefix), lambda settings: replay(settings, wanted, limit)
    )
    unknown = [(place, "no letter there") for place in sorted(chosen - met)]
    result = result._replace(impossible=[*result.impossible, *unknown])
    for place, why in result.impossible[:MOST_SHOWN]:
        complain(f"{_name(place)}: {why}", markup=False)
    if as_json:
        impossible = [{"place": _name(place), "why": why} for place, why in result.impossible]
        answer({"sent": result.sent, "before": result.before, "impossible": impossible})
    else:
        say(
            f"{result.sent:,} sent again, {result.before:,} had been before, "
            f"{len(result.impossible):,} cannot be"
        )
    if result.impossible:
        sys.exit(FAILED)


def _done(settings: Settings, work: Any) -> Any:
    """What comes of some work with the broker, or a word about why not."""
    with hushed("aiokafka"), waiting("reading the letters"):  # what it reports is the answer
        with admin_client(settings) as client:  # a client that reads would wait in silence
            require_readable(client, topics_of(settings).dlq)
        return asyncio.run(_guarded(work(settings)))


async def _guarded(work: Coroutine[Any, Any, Result]) -> Result:
    try:
        return await work
    except KafkaError as error:
        raise BrokerError(f"the broker did not do it: {error}") from None


def _told(letter: Letter, replayed: set[Place]) -> dict[str, Any]:
    """A letter for programs, without its value."""
    key = None if letter.key is None else _text(letter.key)
    return letter.headers | {
        "place": _name(letter.place), "key": key, "bytes": len(letter.value or b""),
        "replayed": letter.place in replayed,
    }  # fmt: skip


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def _place(text: str) -> Place:
    partition, _, offset = text.partition("/")
    if not (partition.isdecimal() and offset.isdecimal()):
        raise ConfigError(
            "penchant dlq", [Problem("PLACE", repr(text), "PARTITION/OFFSET, such as 3/17")]
        )
    return int(partition), int(offset)


def _name(place: Place) -> str:
    return f"{place[0]}/{place[1]}"


def _text(value: bytes | None) -> str:
    r"""Bytes for a terminal: what could move its cursor is escaped.

    Examples
    --------
    >>> print(_text(b"p\x1b[2J"), _text(None), _text("é\u202e".encode()))
    p\x1b[2J (none) é\u202e
    """
    if value is None:
        return "(none)"
    text = value.decode(errors="backslashreplace")
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
