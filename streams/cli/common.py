"""What the commands have in common: options, errors, output."""

from __future__ import annotations

import contextlib
import errno
import functools
import math
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console
from rich.markup import escape

from models.config.loader import load_config
from models.config.schema import Config
from models.errors import ConfigError, PenchantError, Problem
from streams.cli.answers import answer, error_document
from streams.offline.layout import layout_of
from streams.settings import Settings, load_settings, misspelt

Command = TypeVar("Command", bound=Callable[..., Any])

FAILED = 1
WRONG_INPUT = 2

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
#: For all but tables: a line stays a line, whatever the width; a terminal wraps it itself.
say = functools.partial(out.print, soft_wrap=True)
complain = functools.partial(err.print, soft_wrap=True)


class Number(click.FloatRange):
    """A number in a range; ``nan`` is in none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is no number.", param, ctx)
        return number


CONFIG = click.argument("config", type=click.Path())


def read_config(path: str) -> Config:
    """The configuration in a file.

    Raises
    ------
    ConfigError
        It cannot be read, or something is wrong in it.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(path, [Problem("", error.strerror or str(error), "a file")]) from None
    except UnicodeDecodeError:
        raise ConfigError(path, [Problem("", "bytes that are not UTF-8", "YAML")]) from None
    return load_config(text, path)


def reports_errors(command: Command) -> Command:
    """Say what went wrong without a wall of text: 2 for wrong input, 1 for everything else."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except PenchantError as error:
            _end(error, as_json=bool(kwargs.get("as_json")))
        except OSError as error:
            if error.errno in (None, errno.EPIPE):
                raise  # not the machine's; or whoever read has gone, and click ends quietly
            where = f"{error.filename}: " if error.filename else ""
            failed = PenchantError(f"{where}{error.strerror}")
            _end(failed, as_json=bool(kwargs.get("as_json")))

    return wrapped  # type: ignore[return-value]


def _end(error: PenchantError, *, as_json: bool) -> NoReturn:
    """Say what went wrong, and exit."""
    wrong = isinstance(error, ConfigError)
    with contextlib.suppress(OSError):  # where nothing can be written, the exit code still says it
        complain(f"[bold red]{'wrong' if wrong else 'failed'}:[/] {escape(str(error))}")
        if as_json:
            answer(error_document(error))
    sys.exit(WRONG_INPUT if wrong else FAILED)


def folder_of(name: str) -> Path:
    """A folder that can be written, made if it is not there.

    Raises
    ------
    ConfigError
        It cannot be.
    """
    folder, expected = Path(name), "a folder that can be written"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise ConfigError(name, [Problem("", "no folder", expected)]) from None
    except OSError as error:
        found = (error.strerror or str(error)).lower()
        raise ConfigError(name, [Problem("", found, expected)]) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(name, [Problem("", "a folder without the right to write", expected)])
    return folder


def with_layout(command: Command) -> Command:
    """Options that say what the columns of a file are called; handed over as ``layout``."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        names = ("column", "constants", "seconds", "zone")
        layout = layout_of(*[kwargs.pop(name) for name in names])
        return command(*args, layout=layout, **kwargs)

    options = (
        click.option("--column", multiple=True, metavar="FIELD=COLUMN",
                     help="The column of event_id (# for the line's number), profile_id, "
                     "timestamp or type; repeatable"),
        click.option("--set", "constants", multiple=True, metavar="FIELD=TEXT",
                     help="The same in every row, such as type=purchase; repeatable"),
        click.option("--seconds", is_flag=True, help="Times that are numbers count seconds"),
        click.option("--zone", help="The zone of times that name none, such as Europe/Paris"),
    )  # fmt: skip
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


@contextlib.contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say on a terminal what is waited for, while nothing else can be said."""
    if not out.is_terminal:
        yield
        return
    with out.status(what):
        yield


def with_settings(command: Command) -> Command:
    """Options that come before the environment."""
    command = click.option("--brokers", help="host:port, comma separated; PENCHANT_BROKERS")(
        command
    )
    return click.option("--prefix", help="Of topics and group; PENCHANT_PREFIX")(command)


def settings_of(brokers: str | None, prefix: str | None) -> Settings:
    """Settings from options and the environment; says which variables are nearly a setting."""
    for name, meant in misspelt(os.environ).items():
        complain(f"[yellow]{name} is no setting:[/] is {meant} meant?")
    return load_settings(brokers=brokers, prefix=prefix)
