"""``penchant topics``: what the broker has, what is needed."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.table import Table

from streams.admin import Finding, admin_client, create_topics, find_topics
from streams.cli.answers import answer, with_json
from streams.cli.common import (
    CONFIG,
    FAILED,
    out,
    read_config,
    reports_errors,
    settings_of,
    waiting,
    with_settings,
)
from streams.cli.usage import examples
from streams.tables import print_table


@click.command(
    "topics",
    epilog=examples(
        "penchant topics goals.yaml --apply",
        "penchant topics goals.yaml --json | jq '.topics[] | select(.problem)'",
    ),
)
@CONFIG
@click.option("--apply", is_flag=True, help="Create what is missing")
@with_settings
@with_json("{state, topics: [{name, partitions, needs, verdict, problem}]}")
@reports_errors
def command(
    config: str, apply: bool, as_json: bool, brokers: str | None, prefix: str | None
) -> None:
    """Compare the broker's topics with what CONFIG needs; exits 1 if they differ."""
    read_config(config)
    settings = settings_of(brokers, prefix)
    with waiting("asking the broker"), admin_client(settings) as client:
        findings = find_topics(client, settings)
        missing = [finding.wanted for finding in findings if finding.problem == "missing"]
        if apply and missing:
            create_topics(client, settings, missing)
            findings = find_topics(client, settings)
    told = [_told(one, {new.name for new in missing} if apply else set()) for one in findings]
    wrong = any(one["problem"] for one in told)
    if as_json:
        answer({"state": "wrong" if wrong else "right", "topics": told})
    else:
        show(told)
    if wrong:
        sys.exit(FAILED)


def _told(finding: Finding, created: set[str]) -> dict[str, Any]:
    name, problem = finding.wanted.name, finding.problem
    return {
        "name": name, "partitions": finding.partitions, "needs": finding.wanted.partitions,
        "verdict": "wrong" if problem else "created" if name in created else "right",
        "problem": problem,
    }  # fmt: skip


def show(topics: list[dict[str, Any]]) -> None:
    """A line a topic."""
    table = Table("topic", "partitions", "needs", "verdict")
    for one in topics:
        verdict = f"[red]{one['problem']}[/]" if one["problem"] else one["verdict"]
        has = "-" if one["partitions"] is None else str(one["partitions"])
        table.add_row(one["name"], has, str(one["needs"] or "any"), verdict)
    print_table(out, table)
