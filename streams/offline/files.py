"""Files of events: JSON lines, gzipped or not, CSV and Parquet, one event at a time.

A CSV or Parquet file has the columns ``event_id``, ``profile_id``, ``timestamp`` and ``type``, or
others that are said to be them; every column that is none of these is a property, left out where
it is empty.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from models.errors import ConfigError, Problem
from models.events.parsing import FIELDS
from streams.offline.layout import PLAIN, FileLayout

#: A longer number would not survive JSON.
MOST_DIGITS = 18
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d{1,2})?")
#: Characters in a cell of a CSV file; an event that large is refused with its own reason.
LARGEST_CELL = 2**24
#: What some programs write in the place of commas.
OTHER_MARKS = {";": "semicolons", "\t": "tabs", "|": "bars"}
KINDS = (".jsonl", ".csv", ".parquet")


class Line(NamedTuple):
    """An event of a file, as bytes, and where it stands."""

    number: int
    value: bytes


def read_events(path: str, layout: FileLayout = PLAIN) -> Iterator[Line]:
    """The events of a file, in its order.

    Parameters
    ----------
    path
        The file; what it is, its name says.
    layout
        What its columns are called and how its times are written.

    Raises
    ------
    ConfigError
        The file cannot be read, ends too early, or lacks a column.
    """
    readers = {".jsonl": _json_lines, ".csv": _csv, ".parquet": _parquet}
    kind = Path(path.removesuffix(".gz")).suffix
    if kind not in KINDS or (path.endswith(".gz") and kind == ".parquet"):
        raise _wrong(path, f"a file called {Path(path).name}",
                     "a name that ends in .jsonl, .csv, either with .gz, or .parquet")  # fmt: skip
    number = 0
    try:
        for line in readers[kind](path, layout):
            number = line.number
            yield line
    except FileNotFoundError:
        raise _wrong(path, "no such file", "a file of events") from None
    except (IsADirectoryError, PermissionError) as error:
        found = error.strerror or str(error)
        raise _wrong(path, found.lower(), "a file of events that can be read") from None
    except UnicodeDecodeError as error:
        raise _wrong(path, f"bytes that are not UTF-8: {error.reason}", "UTF-8 text",
                     _first_undecodable(path)) from None  # fmt: skip
    except csv.Error as error:
        raise _wrong(path, f"no CSV after this line: {error}",
                     "rows of cells with commas between them, quoted where they hold any",
                     number) from None  # fmt: skip
    except (OSError, EOFError, zlib.error) as error:
        where = "after this line" if number else "from its beginning on"
        raise _wrong(path, f"a file that breaks off or is damaged {where}: {error}",
                     "a whole file", number) from None  # fmt: skip


def _json_lines(path: str, layout: FileLayout) -> Iterator[Line]:
    with gzip.open(path, "rb") if path.endswith(".gz") else Path(path).open("rb") as file:
        lines = _lines(file)
        if layout == PLAIN:
            yield from lines
        else:
            yield from (Line(line.number, _mapped(line, layout)) for line in lines)


def _lines(file: Iterable[bytes]) -> Iterator[Line]:
    for number, line in enumerate(file, 1):
        if stripped := line.strip():
            yield Line(number, stripped)


def _mapped(line: Line, layout: FileLayout) -> bytes:
    """A JSON line with its fields as the layout says; what is no object stays as it is."""
    try:
        fields = orjson.loads(line.value)
    except orjson.JSONDecodeError:
        return line.value
    if type(fields) is not dict:
        return line.value
    properties = fields.pop("properties", None)
    event = _of_row(fields, layout, line.number)
    if type(properties) is dict:
        event["properties"].update(properties)
    return orjson.dumps(event)


def _csv(path: str, layout: FileLayout) -> Iterator[Line]:
    packed = path.endswith(".gz")
    csv.field_size_limit(LARGEST_CELL)
    with (
        gzip.open(path, "rt", encoding="utf-8-sig", newline="")
        if packed
        else Path(path).open(encoding="utf-8-sig", newline="") as file
    ):
        rows = csv.DictReader(file, strict=True)
        columns = rows.fieldnames or []
        _check_columns(path, columns, layout)
        for row in rows:
            if any(row.pop(None, ())):
                raise _wrong(path, "more cells than the header has names",
                             f"the {len(columns)} of the header; a cell with a comma in it, quoted",
                             rows.line_num)  # fmt: skip
            fields = {
                name: text if name in layout.texts else _typed(text)
                for name, text in row.items()
                if name and text
            }
            yield Line(rows.line_num, orjson.dumps(_of_row(fields, layout, rows.line_num)))


def _first_undecodable(path: str) -> int | None:
    """The line of a text file that is not UTF-8: text is decoded ahead of the lines."""
    with gzip.open(path, "rb") if path.endswith(".gz") else Path(path).open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return None


def _parquet(path: str, layout: FileLayout) -> Iterator[Line]:
    import pyarrow as pa  # noqa: PLC0415 - an extra; others do without
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with pq.ParquetFile(path) as file:
            _check_columns(path, file.schema_arrow.names, layout)
            number = 0
            for batch in file.iter_batches():
                for row in _rows(path, batch, number):
                    number += 1
                    event = _of_row(row, layout, number)
                    yield Line(number, orjson.dumps(event, _plain, _OPTIONS))
    except pa.ArrowInvalid as error:
        raise _wrong(path, f"no Parquet file: {error}", "a whole Parquet file") from None


def _rows(path: str, batch: Any, before: int) -> list[dict[str, Any]]:
    """The rows of a batch; Python has times of the years 1 to 9999, in the zones that it knows."""
    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except (OverflowError, ValueError, LookupError) as error:
        if len(batch) > 1:
            half = len(batch) // 2
            start = _rows(path, batch.slice(0, half), before)
            return start + _rows(path, batch.slice(half), before + half)
        expected = "times of the years 1 to 9999, in zones that are known"
        found = f"a value that cannot be read: {error}"
        raise _wrong(path, found, expected, before + 1) from None
    return rows


_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


def _plain(value: Any) -> Any:
    """What JSON has no form for: an exact decimal is a number, a duration a text."""
    return float(value) if isinstance(value, Decimal) else str(value)


def _check_columns(path: str, columns: Any, layout: FileLayout) -> None:
    missing = [name for name in layout.needed if name not in columns]
    if missing and len(columns) == 1:
        for mark, name in OTHER_MARKS.items():
            if mark in columns[0]:
                raise _wrong(path, f"{name} between the names of columns", "commas", 1)
    if missing:
        raise _wrong(
            path,
            f"no column {', '.join(missing)} among {', '.join(columns) or 'none'}",
            f"the columns {', '.join(FIELDS)}, or --column FIELD=COLUMN for others",
            1,
        )
    if twice := [name for name, count in Counter(columns).items() if name and count > 1]:
        raise _wrong(path, f"two columns called {', '.join(twice)}", "a name for each column", 1)


def _of_row(row: dict[str, Any], layout: FileLayout, number: int) -> dict[str, Any]:
    """An event from a row: what is not one of its fields is a property."""
    event: dict[str, Any] = {name: layout.read(name, row, number) for name in FIELDS}
    for name in ("event_id", "profile_id", "type"):
        event[name] = None if event[name] is None else str(event[name])
    event["timestamp"] = layout.time(event["timestamp"])
    event["properties"] = {
        name: value for name, value in row.items() if name not in layout.taken and value is not None
    }
    return event


def _typed(text: str) -> Any:
    """A number where a text is one as JSON writes it; 007 is a name."""
    if len(text) > MOST_DIGITS or not NUMBER.fullmatch(text):
        return text
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _wrong(path: str, found: str, expected: str, line: int | None = None) -> ConfigError:
    return ConfigError(path, [Problem("", found, expected, line)])
