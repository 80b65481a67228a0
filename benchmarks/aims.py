"""The table of aims on the page of results: what was asked for, what was found, when, how."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import statistics
import timeit
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from tests.support.apache import CACHE

RESULTS = Path(__file__).parent / "RESULTS.md"
HEAD = (
    "| | figure | aim | found | reached | command | date |\n"
    "| --- | --- | --- | --- | --- | --- | --- |\n"
)
#: Libraries that decide how fast it is.
LIBRARIES = (
    "faust-streaming", "aiokafka", "river", "numpy", "orjson", "msgspec", "pydantic",
)  # fmt: skip


class Row(NamedTuple):
    """A figure beside its aim.

    Parameters
    ----------
    number
        ``P1`` and what tells rows of one number apart; a row takes the place of the same number's.
    figure
        What is measured.
    aim, found
        In words, with units.
    reached
        Whether it is.
    command
        What measures it again.
    """

    number: str
    figure: str
    aim: str
    found: str
    reached: bool
    command: str


def write_rows(rows: Sequence[Row], path: Path = RESULTS) -> None:
    """Put rows into the table, in place of those of the same numbers; the others stay.

    Raises
    ------
    ValueError
        The page has no place for the table.
    """

    def table(before: str) -> str:
        lines = _lines_of(before) | {row.number: _line(row) for row in rows}
        told = "".join(lines[number] + "\n" for number in sorted(lines, key=_place))
        return f"{about()}\n\n{HEAD}{told}"

    put_between("aims", table, path)


def put_between(mark: str, put: Callable[[str], str], path: Path = RESULTS) -> None:
    """Put something else between two marks of a page: what is made of what stands there.

    Raises
    ------
    ValueError
        The page has no such marks.
    """
    start, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->\n"
    text = path.read_text(encoding="utf-8")
    if start not in text or end not in text:
        raise ValueError(f"{path}: no {start.strip()} and {end.strip()}")
    before, _, rest = text.partition(start)
    inside, _, after = rest.partition(end)
    path.write_text(f"{before}{start}{put(inside)}{end}{after}", encoding="utf-8")


def _line(row: Row) -> str:
    cells = (
        row.number, row.figure, row.aim, row.found, "yes" if row.reached else "**no**",
        f"`{row.command}`", f"{datetime.now(UTC):%d %B %Y}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _lines_of(table: str) -> dict[str, str]:
    """The rows that are there, by their numbers."""
    lines = [line for line in table.splitlines() if re.match(r"\| P\d", line)]
    return {line.split("|")[1].strip(): line for line in lines}


def _place(number: str) -> tuple[int, str]:
    """Where a row stands: P2 before P10."""
    found = re.match(r"P(\d+)", number)
    return (int(found[1]) if found else 0, number)


def about() -> str:
    """The machine, and the versions of what counts."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    return (
        f"Last run: {datetime.now(UTC):%d %B %Y}; {_processor()}, {os.cpu_count()} cores, "
        f"{_memory()} GiB, a turn of an empty loop of Python in {_turn():.0f} ns; "
        f"Linux {platform.release().split('-')[0]}; "
        f"Python {platform.python_version()}; Apache Kafka {_kafka()} on the same machine; "
        f"{', '.join(versions)}."
    )


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _memory() -> int:
    found = re.search(r"^MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return round(int(found[1]) / 2**20) if found else 0


def _turn() -> float:
    """Nanoseconds of a turn of an empty loop: how fast the machine is, with what else it does."""
    turns = 1_000_000
    return statistics.median(timeit.repeat("pass", number=turns, repeat=11)) / turns * 1e9


def _kafka() -> str:
    """The version of the broker that is fetched; empty before it is."""
    names = (jar.stem for jar in (CACHE / "libs").glob("kafka-clients-*.jar"))
    return next((name.removeprefix("kafka-clients-") for name in names), "")


def tell(rows: Sequence[Row]) -> None:
    """Say rows to whoever watches, and write them."""
    for row in rows:
        print(f"{row.number}: {row.found} (aim {row.aim}), {'yes' if row.reached else 'NO'}")
    write_rows(rows)
