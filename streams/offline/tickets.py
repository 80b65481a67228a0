"""``tickets/GOAL.parquet``: a training table for anyone's offline model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.profiles.features import PROFILE_FEATURES, SOURCE_FEATURES
from streams.offline.spill import ABOUT, Spill

#: Sources and attributes that get columns, the most frequent first; a flood of names stays out.
MOST_SOURCES = 200
MOST_ATTRIBUTES = 200


def write_tickets(spill: Spill, path: Path, also: Callable[[pa.Table], None]) -> int:
    """Write a goal's tickets as one Parquet file, a piece at a time.

    Parameters
    ----------
    spill
        The tickets.
    path
        Where to.
    also
        Is handed every piece.

    Returns
    -------
    How many sources and attributes have no columns, for there were too many.
    """
    schema = schema_of(spill)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for piece in spill.pieces():
            also(piece)
            writer.write_table(_fitted(piece, schema))
    return max(len(spill.sources) - MOST_SOURCES, 0) + max(
        len(spill.attributes) - MOST_ATTRIBUTES, 0
    )


def schema_of(spill: Spill) -> pa.Schema:
    """The columns: what a ticket is told by, then a column per feature."""
    sources = sorted(name for name, _ in spill.sources.most_common(MOST_SOURCES))
    attributes = sorted(name for name, _ in spill.attributes.most_common(MOST_ATTRIBUTES))
    names = [
        *(f"profile/{name}" for name in PROFILE_FEATURES),
        *(f"{source}/{name}" for source in sources for name in SOURCE_FEATURES),
        *attributes,
    ]
    return pa.schema([*ABOUT, *((name, pa.float32()) for name in names)])


def _fitted(piece: pa.Table, schema: pa.Schema) -> pa.Table:
    """A piece with all columns: what did not occur is a count of 0, or not there."""
    columns = [
        piece[field.name] if field.name in piece.column_names else _nothing(field, len(piece))
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _nothing(field: pa.Field, rows: int) -> pa.Array:
    last = field.name.rpartition("/")[2]
    if last.startswith(("count_", "sum_")):
        return pa.array(np.zeros(rows, np.float32))
    return pa.nulls(rows, field.type)
