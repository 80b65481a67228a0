"""Tables whose store keeps rows by partition, and recovers whole runs of the changelog."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import faust
from faust.stores import base
from faust.types import TP

from streams.transport.runs import RunSchema

#: Runs that recovery may hold before they are applied; each has up to ``run_records`` records.
RECOVERY_RUNS = 16


class Holder(Protocol):
    """What keeps the rows of one partition."""

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Take over a row; None deletes it."""

    def apply_many(self, records: Iterable[Any]) -> None:
        """Take over rows, one after the other, by the keys and values of records."""

    def __len__(self) -> int: ...


class Rows(dict[bytes, bytes]):
    """The rows of one partition, by key."""

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Take over a row; None deletes it."""
        if value is None:
            self.pop(key, None)
        else:
            self[key] = value

    def apply_many(self, records: Iterable[Any]) -> None:
        """Take over rows, one after the other, by the keys and values of records."""
        for record in records:
            self.apply(record.key, record.value)


class RunStore(base.Store[bytes, bytes]):
    """Rows by partition; a partition that has left is dropped whole.

    Rows are not reached through Faust's mapping: the engine reads a partition's holder, and the
    checkpoint writes changelogs. What Faust asks for is counted and nothing else.
    """

    def __init__(self, *args: Any, new_holder: Callable[[], Holder], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._new_holder = new_holder
        self._crashing: asyncio.Future[None] | None = None
        self.partitions: dict[int, Any] = {}

    def holder(self, partition: int) -> Any:
        """The rows of a partition."""
        if partition not in self.partitions:
            self.partitions[partition] = self._new_holder()
        return self.partitions[partition]

    def apply_changelog_batch(self, batch: Iterable[Any], *_: Any, **__: Any) -> None:
        """Take over runs of changelog records; one that cannot be read crashes the worker."""
        try:
            for event in batch:
                self.holder(event.message.partition).apply_many(event.value)
        except Exception as error:
            # Faust's recovery would log a warning and go on with a hole in the state.
            self._crashing = asyncio.ensure_future(self.app.crash(error), loop=self.app.loop)
            raise

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Drop the partitions that are no longer ours."""
        kept = {tp.partition for tp in active_tps | standby_tps}
        for partition in self.partitions.keys() - kept:
            del self.partitions[partition]

    def persisted_offset(self, tp: TP) -> None:
        """Nothing persists here: the changelog is read from its beginning."""
        return

    def reset_state(self) -> None:
        """Nothing to remove from a disk."""

    def __len__(self) -> int:
        return sum(len(holder) for holder in self.partitions.values())

    def __getitem__(self, key: bytes) -> bytes:
        raise KeyError(key)

    def __setitem__(self, key: bytes, value: bytes) -> None:
        raise TypeError("rows are written by the checkpoint")

    def __delitem__(self, key: bytes) -> None:
        raise TypeError("rows are written by the checkpoint")

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    async def backup_partition(self, *_: Any, **__: Any) -> None:
        """Nothing to back up: the changelog is the backup."""

    def restore_backup(self, *_: Any, **__: Any) -> None:
        """Nothing to restore."""


class RunTable(faust.Table[bytes, bytes]):
    """A table of raw rows over a changelog, kept by :class:`RunStore`.

    Parameters
    ----------
    new_holder
        Makes what keeps the rows of one partition.
    """

    def __init__(self, app: Any, *, new_holder: Callable[[], Holder], **kwargs: Any) -> None:
        super().__init__(
            app, key_type=bytes, value_type=bytes, recovery_buffer_size=RECOVERY_RUNS, **kwargs
        )
        self._new_holder = new_holder

    def _new_store(self) -> Any:
        return RunStore(
            "run://", self.app, self, table_name=self.name, key_type=bytes, value_type=bytes,
            key_serializer="raw", value_serializer="raw", loop=self.loop,
            new_holder=self._new_holder,
        )  # fmt: skip

    def _new_changelog_topic(self, **kwargs: Any) -> Any:
        topic: Any = super()._new_changelog_topic(**kwargs)
        topic.schema = RunSchema()
        topic._compile_decode()
        return topic

    def holder(self, partition: int) -> Any:
        """The rows of a partition."""
        store: Any = self.data
        return store.holder(partition)
