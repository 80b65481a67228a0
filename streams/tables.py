"""Tables for people, whole on any terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

#: Tables are made to be whole at this width; a narrower terminal breaks their lines itself.
LEAST_WIDTH = 80


def print_table(console: Console, table: Table) -> None:
    """Print a table: no column and no figure is cut, however narrow the terminal is."""
    if console.width < LEAST_WIDTH:
        table.width = LEAST_WIDTH
    console.print(table, crop=False)
