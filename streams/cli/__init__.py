"""The command line: one module a command."""

from __future__ import annotations

import os

# Our matrices are small: one thread computes them faster than two can agree, and another core has
# better things to do. Has to be said before numpy is loaded.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

import importlib  # noqa: E402
from typing import Any  # noqa: E402

import click  # noqa: E402
from click.shell_completion import CompletionItem  # noqa: E402

COMMANDS = {
    "init": "A commented starter file and a small sample of events",
    "check": "Validate a configuration; with events, a dry run of every goal",
    "backtest": "The same engine over a file of events: figures, report, tickets",
    "topics": "What the broker has, what is needed; --apply creates what is missing",
    "worker": "Run a worker",
    "send": "Send a file of events into the events topic",
    "watch": "Follow scores with their reasons",
    "dlq": "Refused records: list them, show one, replay them after a fix",
    "doctor": "Examine broker, topics, rights, workers, clocks and models",
    "demo": "Embedded broker, real data, a worker, live progress",
}


class LazyGroup(click.Group):
    """Loads a command's module only when it is asked for: --help stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"streams.cli.{cmd_name}").command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands and options that go on from what was typed, without loading any command."""
        commands = [
            CompletionItem(name, help=about)
            for name, about in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="penchant", prog_name="penchant")
def main(**_: Any) -> None:
    """Propensity scores with reasons, for every profile, learned online from a Kafka topic.

    One YAML file says everything about the questions; environment variables (PENCHANT_...) say
    everything about the place.
    """
