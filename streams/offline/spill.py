"""Tickets of a backtest on disk, in pieces, until all of them and all their features are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from models.profiles.features import (
    HOURS,
    PROFILE_FEATURES,
    SOURCE_FEATURES,
    SOURCE_WIDTH,
    RawFeatures,
    RawProfile,
    stack,
)

#: Tickets in a piece.
PIECE = 20_000
#: What a ticket is told by, before its features.
TIME = pa.timestamp("ms", tz="UTC")
ABOUT = pa.schema(
    [
        ("profile_id", pa.string()), ("t0", TIME), ("due", TIME), ("label", pa.int8()),
        ("probability", pa.float64()), ("model_version", pa.int64()),
    ]
)  # fmt: skip
#: What the evaluation needs beside, and the file of tickets does without.
SAID = ("score", "base_rate", "recency")


class Row(NamedTuple):
    """A ticket with what was said at its T0; None where there was no model, or is no label."""

    profile_id: str
    t0: int
    due: int
    label: int | None
    probability: float | None
    model_version: int
    score: float | None
    base_rate: float | None
    recency: float | None
    raw: RawProfile


class Spill:
    """The tickets of a goal, in the order in which they were labelled; open ones last.

    Parameters
    ----------
    folder
        For its pieces.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: list[Row] = []
        self._pieces = 0
        self.tickets = 0
        self.labelled = 0
        self.positives = 0
        self.first_t0: int | None = None
        self.last_t0: int | None = None
        #: Labels that a late event has turned: (profile, T0) -> label.
        self.turned: dict[tuple[str, int], int] = {}
        #: In how many tickets each source, and each attribute, is.
        self.sources: Counter[str] = Counter()
        self.attributes: Counter[str] = Counter()

    def add(self, row: Row) -> None:
        """Add a ticket."""
        self._held.append(row)
        self.tickets += 1
        if row.label is not None:
            self.labelled += 1
            self.positives += row.label
            self.first_t0 = row.t0 if self.first_t0 is None else min(self.first_t0, row.t0)
            self.last_t0 = max(self.last_t0 or 0, row.t0)
        if len(self._held) >= PIECE:
            self.flush()

    def turn(self, profile_id: str, t0: int, label: int) -> None:
        """Another label for a ticket that is there already."""
        self.turned[profile_id, t0] = label
        self.positives += 2 * label - 1

    def flush(self) -> None:
        """Write what is held as a piece."""
        if not self._held:
            return
        table = self._table(self._held)
        with pa.OSFile(str(self._path(self._pieces)), "wb") as file, pa.ipc.new_file(
            file, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")
        ) as writer:  # fmt: skip
            writer.write_table(table)
        self._pieces += 1
        self._held = []

    def pieces(self) -> Iterator[pa.Table]:
        """The pieces, with the labels as they turned out."""
        for number in range(self._pieces):
            with pa.OSFile(str(self._path(number)), "rb") as file:
                yield self._corrected(pa.ipc.open_file(file).read_all())

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.arrow"

    def _corrected(self, table: pa.Table) -> pa.Table:
        if not self.turned:
            return table
        ids, t0s = table["profile_id"].to_pylist(), table["t0"].cast(pa.int64()).to_pylist()
        labels = [
            self.turned.get((profile_id, t0), label)
            for profile_id, t0, label in zip(
                ids, t0s, table["label"].to_pylist(), strict=True
            )
        ]  # fmt: skip
        place = table.schema.get_field_index("label")
        return table.set_column(place, "label", pa.array(labels, pa.int8()))

    def _table(self, rows: Sequence[Row]) -> pa.Table:
        columns = {
            field.name: pa.array([getattr(row, field.name) for row in rows], field.type)
            for field in ABOUT
        }
        for name in SAID:
            columns[f"said/{name}"] = pa.array([getattr(row, name) for row in rows], pa.float64())
        for name, values in self._features([row.raw for row in rows]).items():
            columns[name] = pa.array(values, pa.float32(), from_pandas=True)
        return pa.table(columns)

    def _features(self, raws: Sequence[RawProfile]) -> dict[str, Any]:
        """Features by name: float32 for each ticket, NaN where there is nothing."""
        raw = stack(raws)
        columns = {f"profile/{name}": raw.profile[:, n] for n, name in enumerate(PROFILE_FEATURES)}
        counted = Counter(name for names in raw.names for name in names)
        self.sources.update(counted)
        sources = tuple(sorted(counted))
        dense = _by_source(sources, raw)
        for number, source in enumerate(sources):
            for place, name in enumerate(SOURCE_FEATURES):
                columns[f"{source}/{name}"] = dense[:, number, place]
        return columns | self._of_attributes(raw.attributes)

    def _of_attributes(self, attributes: list[dict[str, float | str]]) -> dict[str, Any]:
        columns: dict[str, Any] = {}
        for number, one in enumerate(attributes):
            for name, value in one.items():
                is_text = isinstance(value, str)
                column = f"attribute/{name}={value}" if is_text else f"attribute/{name}"
                self.attributes[column] += 1
                if column not in columns:
                    columns[column] = np.full(len(attributes), np.nan, np.float32)
                columns[column][number] = 1.0 if is_text else value
        return columns


def _by_source(sources: tuple[str, ...], raw: RawFeatures) -> npt.NDArray[np.float32]:
    dense = np.zeros((len(raw), len(sources), SOURCE_WIDTH), dtype=np.float32)
    dense[:, :, HOURS - 1 :] = np.nan
    if len(raw.rows):
        numbers = np.concatenate([_numbers(sources, names) for names in raw.names])
        owners = np.repeat(np.arange(len(raw)), np.diff(raw.starts))
        dense[owners, numbers] = raw.rows
    return dense


@lru_cache(maxsize=8_192)
def _numbers(sources: tuple[str, ...], names: tuple[str, ...]) -> npt.NDArray[np.intp]:
    return np.array([sources.index(name) for name in names], dtype=np.intp)
