"""Logs: one line an occurrence, for a person or as JSON, with what it is about in fields.

Levels mean something. ``error``: the worker stops, or did not do what it was told. ``warning``:
it goes on, and somebody should look. ``info``: what an operator wants to know of, never a profile
or an event. ``debug``: single records, by partition and offset.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.orjson import OrjsonFormatter

from streams.crashes import one_line, show_crashes_once
from streams.settings import Settings
from streams.tracebacks import traceback_of

#: Chatter of the libraries: what it says at info level is nobody's business in production.
#: Services of the transport are Faust's as well: their starting and stopping is its chatter.
CHATTY = ("faust", "mode", "aiokafka", "kafka", "asyncio", "aiohttp", "streams.transport")
#: Clients that write every request into their log at debug level, passwords among them.
CLIENTS = ("aiokafka", "kafka")
#: What a record carries of itself; all else was given with it.
OWN = frozenset(RESERVED_ATTRS)


class Discreet(logging.Formatter):
    """Leaves out what errors say, which may quote an event; ``texts`` lets it in.

    Where a library has put an error into its message, that is the library's to answer for: the
    ones that live with events are ours, and log none.
    """

    texts = False

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        """The traceback."""
        shown: str = super().formatException(ei) if self.texts else traceback_of(ei[1])
        return shown


class JsonLines(Discreet, OrjsonFormatter):
    """A JSON object a line: time, level, logger, message, and the fields given with it."""

    def __init__(self) -> None:
        super().__init__(
            "{levelname}{name}{message}", style="{",
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "traceback"},
        )  # fmt: skip

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        """The fields of a record."""
        log_data["time"] = time_of(record)
        super().add_fields(log_data, record, message_dict)
        log_data["level"] = record.levelname.lower()


class ConsoleLines(Discreet):
    """A line a person reads: time, level, logger, message, then the fields as name=value."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """The line, without a traceback."""
        given = "".join(
            f" {name}={value}" for name, value in vars(record).items() if name not in OWN
        )
        level = record.levelname.lower()
        # Some libraries say a thing on several lines: only a traceback has lines of its own.
        said = one_line(f"{record.message}{given}")
        return f"{time_of(record)} {level:7} {record.name} {said}"


def time_of(record: logging.LogRecord) -> str:
    """When it was, UTC."""
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def formatter_of(settings: Settings) -> logging.Formatter:
    """The formatter that the settings ask for."""
    formatter = JsonLines() if settings.log_format == "json" else ConsoleLines()
    formatter.texts = settings.log_level == "debug"
    return formatter


def set_up_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Log as the settings ask for, to standard error."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter_of(settings))
    show_crashes_once(handler)
    level = settings.log_level.upper()
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in CHATTY:
        logging.getLogger(name).setLevel("DEBUG" if level == "DEBUG" else "WARNING")
    for name in CLIENTS:
        logging.getLogger(name).setLevel("WARNING")


@contextmanager
def hushed(library: str) -> Iterator[None]:
    """Let a library say nothing for a while: whoever calls it tells what is wrong."""
    log = logging.getLogger(library)
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
