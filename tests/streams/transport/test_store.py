"""Stores keep rows by partition, recover runs of a changelog, and never swallow a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from models.errors import StateError
from models.goals.tickets import TicketBook
from streams.transport.store import RECOVERY_RUNS, Rows, RunStore
from tests.support.transport import PROFILES, Rig, new_worker, run

ROWS = st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.none() | st.binary(max_size=3)))


def event(partition: int, rows: list[tuple[bytes, bytes | None]]) -> Any:
    """A message of a changelog, as recovery buffers it."""
    return SimpleNamespace(
        message=SimpleNamespace(partition=partition),
        value=[SimpleNamespace(key=key, value=value) for key, value in rows],
    )


def store_of(table: str) -> tuple[Any, RunStore]:
    worker = new_worker()
    tables: Any = worker.app.tables
    return worker, tables[table].data


STORE = store_of("profiles")[1]


@given(ROWS, st.integers(1, 4))
def test_a_changelog_recovers_to_its_last_rows_however_it_is_cut(
    rows: list[tuple[bytes, bytes | None]], size: int
) -> None:
    STORE.partitions.clear()
    STORE.apply_changelog_batch(
        [event(3, rows[at : at + size]) for at in range(0, len(rows), size)], None, None
    )
    one_by_one = Rows()
    for row in rows:
        one_by_one.apply(*row)
    assert list(STORE.holder(3).items()) == list(one_by_one.items())


def test_a_tombstone_takes_a_row_away_and_a_row_after_it_stays() -> None:
    """Upstream's memory store loses an empty value after a tombstone in one batch."""
    _, store = store_of("profiles")
    store.apply_changelog_batch([event(0, [(b"a", b"1"), (b"a", None), (b"a", b"")])])
    assert store.holder(0) == {b"a": b""}
    store.apply_changelog_batch([event(0, [(b"a", None), (b"never", None)])])
    assert store.holder(0) == {}


def test_the_same_key_in_two_partitions_is_two_rows() -> None:
    _, store = store_of("profiles")
    store.apply_changelog_batch([event(0, [(b"a", b"0")]), event(1, [(b"a", b"1")])])
    assert (store.holder(0), store.holder(1)) == ({b"a": b"0"}, {b"a": b"1"})
    assert len(store) == 2


def test_a_run_without_records_changes_nothing() -> None:
    """The position that recovery is told where a log ends in markers."""
    _, store = store_of("profiles")
    store.apply_changelog_batch([event(0, [])])
    assert len(store) == 0


def test_partitions_that_have_left_are_dropped_whole() -> None:
    async def test() -> None:
        _, store = store_of("profiles")
        store.apply_changelog_batch([event(number, [(b"a", b"1")]) for number in range(3)])
        await store.on_recovery_completed({TP(PROFILES, 0), TP(PROFILES, 2)}, set())
        assert set(store.partitions) == {0, 2}

    run(test)


class Unreadable(Rows):
    def apply_many(self, records: Iterable[Any]) -> None:
        raise StateError("written by a newer version")


def test_a_row_that_cannot_be_read_crashes_the_worker() -> None:
    """Faust's recovery logs a warning and goes on, with a hole in the state."""

    async def test() -> None:
        rig = Rig()
        store = rig.app.tables["tickets"].data
        store._new_holder = Unreadable
        with pytest.raises(StateError):
            store.apply_changelog_batch([event(0, [(b"a", b"1")])])
        await asyncio.sleep(0)
        assert isinstance(rig.app.crash_reason, StateError)

    run(test)


def test_each_table_keeps_its_rows_in_what_its_agent_reads() -> None:
    kinds = {
        name: type(store_of(name)[1].holder(0)) for name in ("profiles", "tickets", "trainers")
    }
    assert kinds == {"profiles": Rows, "tickets": TicketBook, "trainers": Rows}


def test_changelogs_are_the_topics_that_are_created() -> None:
    worker, _ = store_of("profiles")
    found = {name: table.changelog_topic_name for name, table in worker.app.tables.items()}
    topics = worker.topics
    assert found == {
        "profiles": topics.profiles, "tickets": topics.tickets, "trainers": topics.trainers,
    }  # fmt: skip


def test_recovery_hands_over_runs_in_bulk() -> None:
    worker, _ = store_of("profiles")
    assert {table.recovery_buffer_size for table in worker.app.tables.values()} == {RECOVERY_RUNS}


def test_rows_are_written_by_the_checkpoint_and_by_nobody_else() -> None:
    _, store = store_of("profiles")
    with pytest.raises(TypeError):
        store[b"a"] = b"1"
    with pytest.raises(TypeError):
        del store[b"a"]
