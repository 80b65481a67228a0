"""Files of events: JSON lines, gzipped or not, CSV and Parquet, one event at a time.

A CSV or Parquet file has the columns ``event_id``, ``profile_id``, ``timestamp`` and ``type``;
every other column is a property, left out where it is empty.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from models.errors import ConfigError, Problem
from models.events.parsing import FIELDS


class Line(NamedTuple):
    """An event of a file, as bytes, and where it stands."""

    number: int
    value: bytes


def read_events(path: str) -> Iterator[Line]:
    """The events of a file, in its order.

    Raises
    ------
    ConfigError
        The file cannot be read, ends too early, or lacks a column.
    """
    readers = {".jsonl": _json_lines, ".csv": _csv, ".parquet": _parquet}
    kind = Path(path.removesuffix(".gz")).suffix
    if kind not in readers or (path.endswith(".gz") and kind != ".jsonl"):
        raise _wrong(path, f"a file called {Path(path).name}",
                     "a name that ends in .jsonl, .jsonl.gz, .csv or .parquet")  # fmt: skip
    try:
        yield from readers[kind](path)
    except FileNotFoundError:
        raise _wrong(path, "no such file", "a file of events") from None
    except (OSError, EOFError, zlib.error) as error:
        raise _wrong(path, f"a file that cannot be read to its end: {error}", "a whole file") from (
            None
        )
    except UnicodeDecodeError as error:
        raise _wrong(path, f"bytes that are not UTF-8: {error.reason}", "UTF-8 text") from None


def _json_lines(path: str) -> Iterator[Line]:
    if path.endswith(".gz"):
        with gzip.open(path, "rb") as packed:
            yield from _lines(packed)
    else:
        with Path(path).open("rb") as file:
            yield from _lines(file)


def _lines(file: Iterable[bytes]) -> Iterator[Line]:
    for number, line in enumerate(file, 1):
        if stripped := line.strip():
            yield Line(number, stripped)


def _csv(path: str) -> Iterator[Line]:
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        _check_columns(path, rows.fieldnames or [])
        for number, row in enumerate(rows, 2):
            yield Line(number, _of_row({name: _typed(text) for name, text in row.items() if text}))


def _parquet(path: str) -> Iterator[Line]:
    import pyarrow.parquet as pq  # noqa: PLC0415 - an extra; others do without

    with pq.ParquetFile(path) as file:
        _check_columns(path, file.schema_arrow.names)
        number = 0
        for batch in file.iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield Line(number, _of_row(row))


def _check_columns(path: str, columns: Any) -> None:
    missing = [name for name in FIELDS if name not in columns]
    if missing:
        raise _wrong(path, f"no column {', '.join(missing)}", "the columns " + ", ".join(FIELDS))


def _of_row(row: dict[str, Any]) -> bytes:
    """An event from a row: what is not one of its fields is a property."""
    event: dict[str, Any] = {name: row.get(name) for name in FIELDS}
    for name in ("event_id", "profile_id"):
        event[name] = None if event[name] is None else str(event[name])
    event["properties"] = {
        name: value for name, value in row.items() if name not in FIELDS and value is not None
    }
    return orjson.dumps(event, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def _typed(text: str) -> Any:
    """A number where a text is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _wrong(path: str, found: str, expected: str) -> ConfigError:
    return ConfigError(path, [Problem("", found, expected)])
