"""Colours and progress are for terminals; a pipe gets plain text."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

from streams.processes import penchant
from tests.streams.cli.running import PATIENCE, execute, goals
from tests.streams.cli.test_answers import written
from tests.support.factories import habits

ESCAPE = "\x1b["


def on_terminal(*arguments: str, **environment: str) -> str:
    """What a command writes to a terminal, all of it."""
    screen, end = pty.openpty()
    variables = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        penchant(*arguments), stdin=end, stdout=end, stderr=end,
        env=variables | {"TERM": "xterm-256color", "COLUMNS": "200"} | environment,
    )  # fmt: skip
    os.close(end)
    seen = b""
    while part := _read(screen):
        seen += part
    os.close(screen)
    assert process.wait(PATIENCE) == 0, seen
    return seen.decode()


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 65_536)
    except OSError:  # Linux says so when the other end has gone
        return b""


def test_a_terminal_gets_colours(tmp_path: Path) -> None:
    assert ESCAPE in on_terminal("check", goals(tmp_path))


def test_a_terminal_that_wants_no_colours_gets_none(tmp_path: Path) -> None:
    seen = on_terminal("check", goals(tmp_path), NO_COLOR="1")
    assert "is right" in seen
    assert "\x1b[3" not in seen


def test_a_pipe_gets_none_of_it(tmp_path: Path) -> None:
    events = written(tmp_path, habits(profiles=20, days=20))
    out = str(tmp_path / "out")
    for more in (("check",), ("backtest", "--out", out)):
        ended = execute(*more, goals(tmp_path), events)
        assert ended.code == 0, ended.said
        assert ESCAPE not in ended.out
        assert ended.err == ""


def test_a_terminal_sees_progress(tmp_path: Path) -> None:
    events = written(tmp_path, habits(profiles=20, days=20))
    assert "trying every goal" in on_terminal("check", goals(tmp_path), events)
