"""Events of a file in order of time, whatever its own order is."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson

from models.events.times import parse_time
from streams.offline.files import Line, read_events
from streams.offline.layout import FileLayout
from streams.offline.survey import Survey

#: Events sorted in memory at a time.
MOST_HELD = 200_000


class FileRecord(NamedTuple):
    """A line of a file as the engine takes it: a source record.

    Parameters
    ----------
    key
        The profile id; empty where the line has none.
    value
        The event.
    offset
        Its place in the order of time.
    timestamp
        The latest time believed of any event of the file.
    line
        Its line in the file.
    """

    key: bytes
    value: bytes
    offset: int
    timestamp: int | None
    line: int


def records_of(
    path: str, layout: FileLayout, found: Survey, tolerance: int
) -> Iterator[FileRecord]:
    """The lines of a file as source records.

    Parameters
    ----------
    path, layout
        The file.
    found
        What a first look has found.
    tolerance
        By how much events may be out of order, milliseconds; beyond it they are sorted first.

    Raises
    ------
    ConfigError
        The file cannot be read to its end.
    """
    lines = read_events(path, layout)
    if found.most_late > tolerance:
        lines = _sorted(lines)
    horizon = found.horizon if found.horizon < found.last else None
    for offset, line in enumerate(lines):
        yield FileRecord(key_of(line.value), line.value, offset, horizon, line.number)


def key_of(value: bytes) -> bytes:
    """The key that a producer would give the event."""
    try:
        return str(orjson.loads(value)["profile_id"]).encode()
    except (ValueError, KeyError, TypeError):
        return b"?"  # the engine looks at the event first and says what is wrong with it


def _sorted(lines: Iterator[Line]) -> Iterator[Line]:
    """Lines in order of time, through files of sorted pieces."""
    with tempfile.TemporaryDirectory() as folder:
        pieces: list[Path] = []
        held: list[tuple[int, int, bytes]] = []
        for line in lines:
            held.append((_time_of(line.value), line.number, line.value))
            if len(held) >= MOST_HELD:
                pieces.append(_write(Path(folder) / str(len(pieces)), held))
                held = []
        held.sort()
        for _, number, value in heapq.merge(*[_read(piece) for piece in pieces], held):
            yield Line(number, value)


def _time_of(value: bytes) -> int:
    try:
        return parse_time(orjson.loads(value)["timestamp"])
    except (ValueError, KeyError, TypeError):
        return -1


def _write(path: Path, held: list[tuple[int, int, bytes]]) -> Path:
    held.sort()
    with path.open("wb") as file:
        for at, number, value in held:
            file.write(b"%d %d %s\n" % (at, number, value))
    return path


def _read(path: Path) -> Iterator[tuple[int, int, bytes]]:
    with path.open("rb") as file:
        for line in file:
            at, number, value = line[:-1].split(b" ", 2)
            yield int(at), int(number), value
