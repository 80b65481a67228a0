"""Tables for people, whole on any terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

#: Tables are made to be whole at this width; a narrower terminal breaks their lines itself.
LEAST_WIDTH = 80
#: A file or a pipe is as wide as it takes.
MOST_WIDTH = 100_000


def print_table(console: Console, table: Table) -> None:
    """Print a table: no column and no figure is cut, however narrow the terminal is.

    Where it is not a terminal, no cell is broken either: a line is a row.
    """
    if not console.is_terminal:
        room = console.options.update(width=MOST_WIDTH)
        table.width = console.measure(table, options=room).maximum
    elif console.width < LEAST_WIDTH:
        table.width = LEAST_WIDTH
    console.print(table, crop=False)
