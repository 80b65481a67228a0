"""``penchant doctor``: what is right, what is wrong, and what to do."""

from __future__ import annotations

import sys

import click
from rich.markup import escape

from streams.admin import BrokerError, admin_client
from streams.cli.answers import answer, with_json
from streams.cli.common import (
    CONFIG,
    FAILED,
    Number,
    read_config,
    reports_errors,
    say,
    settings_of,
    waiting,
    with_settings,
)
from streams.cli.usage import examples
from streams.doctor.examine import Examination
from streams.doctor.verdicts import Verdict, worst_of
from streams.settings import Settings

MARKS = {"right": "[green]right  [/]", "warning": "[yellow]warning[/]", "wrong": "[red]wrong  [/]"}


@click.command(
    "doctor",
    epilog=examples(
        "penchant doctor goals.yaml",
        "penchant doctor goals.yaml --json | jq '.checks[] | select(.state != \"right\")'",
    ),
)
@CONFIG
@click.option("--wait", type=Number(min=0, max=600), default=3.0, show_default=True,
              help="Seconds between two looks at the committed offsets")  # fmt: skip
@with_settings
@with_json("{state, checks: [{check, state, found, advice}]}")
@reports_errors
def command(
    config: str, wait: float, as_json: bool, brokers: str | None, prefix: str | None
) -> None:
    """Examine broker, topics, rights, workers, clocks and models for CONFIG.

    Every line is a verdict and, where it is not right, what to do. Exits 1 if something is wrong;
    a warning is none. Nothing is changed on the broker.
    """
    questions = read_config(config)
    settings = settings_of(brokers, prefix)
    found = []
    try:
        with waiting("looking"), admin_client(settings) as client:
            for verdict in Examination(client, settings, questions, wait).verdicts():
                found.append(verdict)
                if not as_json:
                    show(verdict)
    except BrokerError as error:
        found.append(unreachable(settings, error))
        if not as_json:
            show(found[-1])
    if as_json:
        answer({"state": worst_of(found), "checks": [one._asdict() for one in found]})
    if worst_of(found) == "wrong":
        sys.exit(FAILED)


def unreachable(settings: Settings, error: BrokerError) -> Verdict:
    """The verdict when there is nobody to ask."""
    advice = "is it running? PENCHANT_BROKERS says where to look, PENCHANT_SECURITY_PROTOCOL how"
    return Verdict(f"brokers at {settings.brokers}", "wrong", str(error).split(". ")[0], advice)


def show(verdict: Verdict) -> None:
    """A line, and what to do under it."""
    say(f"{MARKS[verdict.state]} {escape(verdict.check)}: {escape(verdict.found)}")
    if verdict.advice:
        say(f"          [dim]{escape(verdict.advice)}[/]")
