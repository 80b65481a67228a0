"""Tables are whole: on a narrow terminal, and in a file or a pipe."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.table import Table

from streams.tables import print_table

MESSAGE = "a reason that goes on for longer than a line of any terminal would have room for, " * 3


def printed(width: int, *, terminal: bool) -> list[str]:
    table = Table("place", "refused at", "message")
    table.add_row("3/17", "2026-11-29T09:10:11", MESSAGE)
    out = io.StringIO()
    print_table(Console(file=out, width=width, force_terminal=terminal, color_system=None), table)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [20, 80, 200])
def test_a_row_in_a_pipe_is_a_line(width: int) -> None:
    [row] = [line for line in printed(width, terminal=False) if "3/17" in line]
    assert "2026-11-29T09:10:11" in row
    assert MESSAGE.strip() in row


def test_a_narrow_terminal_breaks_lines_and_cuts_nothing() -> None:
    lines = printed(20, terminal=True)
    assert max(map(len, lines)) <= 80
    words = [word for line in lines for word in line.replace("\u2502", " ").split()]
    assert words.count("reason") == 3
