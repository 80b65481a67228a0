"""Answers for programs: ``--json`` on every command, one document on standard output.

What people read goes to standard error then, errors too. A command that could not do its work
answers ``{"error": ...}`` in the place of its document. Commands that follow something answer a
line a record instead, and say errors on standard error only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click
import orjson

from models.errors import ConfigError, PenchantError

Command = TypeVar("Command", bound=Callable[..., Any])


def with_json(shape: str) -> Callable[[Command], Command]:
    """The option ``--json`` of a command with one answer; handed over as ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help=f"One JSON document: {shape}")


def with_json_lines(shape: str) -> Callable[[Command], Command]:
    """The option ``--json`` of a command with many; handed over as ``as_lines``."""
    return click.option("--json", "as_lines", is_flag=True, help=f"A JSON object a line: {shape}")


def answer(document: Any) -> None:
    """Write the one document of a command."""
    answer_line(orjson.dumps(document, option=orjson.OPT_INDENT_2))


def answer_line(record: bytes) -> None:
    """Write one record of many, at once."""
    sys.stdout.flush()
    sys.stdout.buffer.write(record + b"\n")  # JSON is UTF-8, whatever the terminal is
    sys.stdout.buffer.flush()


def error_document(error: PenchantError) -> dict[str, Any]:
    """What went wrong, for a program.

    Examples
    --------
    >>> error_document(PenchantError("no broker answers"))
    {'error': {'kind': 'failed', 'message': 'no broker answers', 'problems': []}}
    """
    if not isinstance(error, ConfigError):
        return {"error": {"kind": "failed", "message": str(error), "problems": []}}
    names = ("place", "line", "found", "expected")
    problems = [
        {"source": error.source} | {name: getattr(one, name) for name in names}
        for one in error.problems
    ]
    return {"error": {"kind": "wrong", "message": str(error), "problems": problems}}
