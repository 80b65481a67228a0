"""``penchant topics``: what the broker has, what is needed."""

from __future__ import annotations

import sys

import click
from rich.table import Table

from streams.admin import Finding, admin_client, create_topics, find_topics
from streams.cli.common import FAILED, out, read_config, reports_errors, settings_of, with_settings


@click.command("topics")
@click.argument("config")
@click.option("--apply", is_flag=True, help="Create what is missing")
@with_settings
@reports_errors
def command(config: str, apply: bool, brokers: str | None, prefix: str | None) -> None:
    r"""Compare the broker's topics with what CONFIG needs; exits 1 if they differ.

    \b
    Example: penchant topics goals.yaml --apply
    """
    read_config(config)
    settings = settings_of(brokers, prefix)
    with admin_client(settings) as client:
        findings = find_topics(client, settings)
        missing = [finding.wanted for finding in findings if finding.problem == "missing"]
        if apply and missing:
            create_topics(client, settings, missing)
            findings = find_topics(client, settings)
    show(findings, {one.name for one in missing} if apply else set())
    if any(finding.problem for finding in findings):
        sys.exit(FAILED)


def show(findings: list[Finding], created: set[str]) -> None:
    """A line a topic."""
    table = Table("topic", "partitions", "needs", "verdict")
    for finding in findings:
        name, problem = finding.wanted.name, finding.problem
        verdict = f"[red]{problem}[/]" if problem else "created" if name in created else "right"
        has = "-" if finding.partitions is None else str(finding.partitions)
        table.add_row(name, has, str(finding.wanted.partitions or "any"), verdict)
    out.print(table)
