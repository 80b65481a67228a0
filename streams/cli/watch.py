"""``penchant watch``: follows scores with their reasons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import orjson
from kafka import KafkaConsumer
from rich.markup import escape

from streams.admin import admin_client, require_readable
from streams.cli.answers import answer_line, with_json_lines
from streams.cli.common import reports_errors, say, settings_of, waiting, with_settings
from streams.cli.usage import examples
from streams.security import client_options
from streams.settings import Settings
from streams.topics import topics_of


@click.command(
    "watch",
    epilog=examples(
        "penchant watch --goal churn --profile household-1228",
        "penchant watch --from-start --json | jq -c 'select(.bucket == \"high\")'",
    ),
)
@click.option("--goal", help="Only scores of this goal")
@click.option("--profile", help="Only scores of this profile")
@click.option("--from-start", is_flag=True, help="From the first score kept, not from now on")
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many")
@with_json_lines("the records as they are; scores taken back are left out")
@with_settings
@reports_errors
def command(  # noqa: PLR0913, PLR0917 - one argument an option
    goal: str | None,
    profile: str | None,
    from_start: bool,
    count: int | None,
    as_lines: bool,
    brokers: str | None,
    prefix: str | None,
) -> None:
    """Follow the scores topic until interrupted."""
    settings = settings_of(brokers, prefix)
    with waiting("asking the broker"), admin_client(settings) as client:
        require_readable(client, topics_of(settings).scores)
    shown = 0
    try:
        for key, value in scores(settings, from_start=from_start):
            if not matches(key, goal, profile) or (as_lines and not value):
                continue
            answer_line(value) if as_lines else say(line_of(key, value))
            shown += 1
            if shown == count:
                return
    except KeyboardInterrupt:
        return


def scores(settings: Settings, *, from_start: bool) -> Iterator[tuple[str, bytes]]:
    """Keys and values of the scores topic; an empty value for a score withdrawn."""
    consumer = KafkaConsumer(
        topics_of(settings).scores,
        auto_offset_reset="earliest" if from_start else "latest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        **client_options(settings),
    )
    try:
        for record in consumer:
            yield record.key.decode(), record.value or b""
    finally:
        consumer.close()


def matches(key: str, goal: str | None, profile: str | None) -> bool:
    """Whether a score's key is of a goal and a profile.

    Examples
    --------
    >>> matches("churn/p/1", "churn", "p/1"), matches("churn/p1", "coupon", None)
    (True, False)
    """
    found_goal, _, found_profile = key.partition("/")
    return goal in (None, found_goal) and profile in (None, found_profile)


def line_of(key: str, value: bytes) -> str:
    """A score in words, for a terminal."""
    if not value:
        return f"[dim]{escape(key)}: withdrawn[/]"
    score: dict[str, Any] = orjson.loads(value)
    colour = colour_of(score["bucket"], score["propensity"])
    reasons = "; ".join(
        f"{'+' if one['contribution'] > 0 else '-'} {one['text']}" for one in score["factors"]
    )
    return (
        f"{score['timestamp'][:16]} {escape(score['profile_id'])} [bold]{score['goal']}[/] "
        f"[{colour}]{score['score']:.0f} {score['bucket']}[/] p={score['probability']:.3f} "
        f"percentile {score['percentile']}  {escape(reasons)}"
    )


def colour_of(bucket: str, propensity: str) -> str:
    """High churn is bad, high conversion is good.

    Examples
    --------
    >>> colour_of("high", "churn"), colour_of("high", "conversion"), colour_of("medium", "churn")
    ('red', 'green', 'yellow')
    """
    if bucket == "medium":
        return "yellow"
    return "red" if (bucket == "high") == (propensity == "churn") else "green"
