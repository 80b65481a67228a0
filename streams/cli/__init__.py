"""The command line: one module a command."""

from __future__ import annotations

import os

# Our matrices are small: one thread computes them faster than two can agree, and another core has
# better things to do. Has to be said before numpy is loaded.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

import contextlib  # noqa: E402
import importlib  # noqa: E402
import io  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any, TypeVar  # noqa: E402

import click  # noqa: E402
from click.shell_completion import CompletionItem  # noqa: E402

from streams.cli.usage import examples  # noqa: E402

FC = TypeVar("FC", bound=Callable[..., Any])
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


def drop_output() -> None:
    """What standard output could not take is not tried again when the program ends."""
    with contextlib.suppress(OSError, ValueError):  # it may be no file, or closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class LazyGroup(click.Group):
    """Loads a command's module only when it is asked for: --help stays quick."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run what the command line says; one line where the answer cannot be written."""
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            if error.errno is None:
                raise  # not the machine's
            with contextlib.suppress(OSError):
                click.echo(f"failed: {error.strerror}", err=True)
        drop_output()
        sys.exit(1)

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


def _complete(ctx: click.Context, param: click.Parameter, shell: str | None) -> None:
    if shell is not None:
        importlib.import_module("streams.cli.completion").completion(ctx, param, shell)


def _completion_option(name: str, about: str) -> Callable[[FC], FC]:
    shells = click.Choice(["bash", "zsh", "fish", ""])
    return click.option(
        name, help=f"{about} (bash, zsh or fish; yours if left out)", metavar="[SHELL]",
        is_flag=False, flag_value="", type=shells, is_eager=True, expose_value=False,
        callback=_complete,
    )  # fmt: skip


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "penchant demo",
        "penchant init shop && penchant check shop/goals.yaml",
    ),
)
@click.version_option(package_name="penchant", prog_name="penchant")
@_completion_option("--install-completion", "Let the shell complete commands, options and files")
@_completion_option("--show-completion", "Print what the shell would read, to install it by hand")
def main(**_: Any) -> None:
    """Propensity scores with reasons, for every profile, learned online from a Kafka topic.

    One YAML file says everything about the questions; environment variables (PENCHANT_...) say
    everything about the place. Every command has examples under --help.

    Exit codes: 0 done, 1 it failed, 2 what it was given is wrong (file, place, found, expected).
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a letter shows a ?
