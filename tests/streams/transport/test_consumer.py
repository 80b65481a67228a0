"""Runs are handed over in order and none is lost: the consumer's own logic, without a broker."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from faust.types import TP
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.transport.consumer import LOOK_AGAIN
from tests.support.transport import EVENTS, PROFILES, Rig, records, run

A, B = TP(EVENTS, 0), TP(EVENTS, 1)
LOG = TP(PROFILES, 0)


def test_a_run_holds_records_of_one_partition() -> None:
    async def test() -> None:
        rig = await Rig().ready()
        await rig.fetch({A: records(A, range(3)), B: records(B, range(5, 7))})
        assert rig.runs == [(A, [0, 1, 2], 2), (B, [5, 6], 6)]

    run(test)


def test_a_long_fetch_is_cut_into_runs() -> None:
    async def test() -> None:
        rig = await Rig(max_run=3).ready()
        await rig.fetch({A: records(A, range(7))})
        assert rig.runs == [(A, [0, 1, 2], 2), (A, [3, 4, 5], 5), (A, [6], 6)]
        assert rig.consumer._read_offset[A] == 7

    run(test)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=40, unique=True).map(sorted),
    st.integers(1, 10), st.integers(0, 45),
)  # fmt: skip
def test_every_record_from_the_due_offset_on_is_handed_over_once(
    offsets: list[int], max_run: int, due: int
) -> None:
    """Whatever is compacted away, however it is cut, and wherever the committed offset stands."""

    async def test() -> None:
        rig = Rig(max_run=max_run)
        rig.committed = {A: due}
        await rig.ready()
        await rig.fetch({A: records(A, offsets)})
        handed = [offset for _, run_offsets, _ in rig.runs for offset in run_offsets]
        assert handed == [offset for offset in offsets if offset >= due]

    run(test)


def test_nothing_of_a_source_is_handed_over_before_seek_and_resume() -> None:
    async def test() -> None:
        rig = Rig()
        rig.committed = {A: 4}
        await rig.fetch({A: records(A, range(3))})
        await rig.consumer.perform_seek()
        await rig.fetch({A: records(A, range(3))})
        assert rig.handed == []
        rig.consumer.resume_flow()
        await rig.fetch({})
        await rig.fetch({A: records(A, range(4, 6))})
        assert rig.runs == [(A, [4, 5], 5)]

    run(test)


def test_a_source_is_not_even_fetched_before_that() -> None:
    async def test() -> None:
        rig = Rig()
        asked: list[Any] = []

        async def getmany(active: Any, _timeout: float) -> dict[TP, Any]:
            asked.append(active)
            return {}

        thread: Any = rig.consumer._thread
        thread.getmany = getmany
        rig.app.tables._changelogs[PROFILES] = None
        await rig.consumer._getmany({A, LOG}, 1.0)
        await rig.consumer._getmany({A}, 1.0)
        assert asked == [{LOG}]
        await rig.ready()
        await rig.consumer._getmany({A, LOG}, 1.0)
        assert asked[1:] == [{A, LOG}]

    run(test)


def test_nothing_is_asked_for_of_a_partition_without_room() -> None:
    """What is handed over never waits for room: it would keep others from being handed over."""

    async def test() -> None:
        rig = Rig()
        asked: list[Any] = []

        async def getmany(active: Any, timeout: float) -> dict[TP, Any]:  # noqa: ASYNC109 - Faust's
            asked.append((active, timeout))
            return {}

        thread: Any = rig.consumer._thread
        thread.getmany = getmany
        await rig.ready()
        full: set[TP] = {A}
        rig.consumer.has_room = lambda tp: tp not in full
        assert await rig.consumer._getmany({A, B}, 1.0) == {}
        full.add(B)
        assert await rig.consumer._getmany({A, B}, 1.0) == {}
        full.clear()
        assert await rig.consumer._getmany({A, B}, 1.0) == {}
        assert asked == [({B}, LOOK_AGAIN), ({A, B}, 1.0)]

    run(test)


def test_what_is_thrown_away_is_sought_again() -> None:
    """A fetch answered in another generation, or not handed over, leads to a seek."""

    async def test() -> None:
        rig = Rig()
        rig.committed = {A: 10}
        await rig.ready()
        await rig.fetch({A: records(A, range(10, 13))}, generation=0)
        assert rig.handed == []
        await rig.fetch({A: records(A, range(13, 15))})  # past what was thrown away
        assert rig.handed == []
        assert rig.sought == [{A: 10}]
        await rig.fetch({A: records(A, range(10, 15))})
        assert rig.runs == [(A, [10, 11, 12, 13, 14], 14)]

    run(test)


def test_a_run_that_was_not_handed_over_does_not_move_the_due_offset() -> None:
    async def test() -> None:
        rig = await Rig().ready()
        rig.hold = asyncio.Event()
        fetching = asyncio.create_task(rig.fetch({A: records(A, range(3))}))
        await asyncio.sleep(0)
        rig.consumer.stop_flow()
        await fetching
        assert rig.consumer._read_offset[A] is None
        rig.hold = None
        await rig.ready()
        await rig.fetch({A: records(A, range(3))})
        assert rig.runs == [(A, [0, 1, 2], 2)]

    run(test)


def test_recovery_is_told_the_position_where_a_log_ends_in_markers() -> None:
    async def test() -> None:
        rig = Rig()
        rig.app.tables._changelogs[PROFILES] = None
        await rig.fetch({LOG: records(LOG, [0, 1])}, ends={LOG: 4})
        await rig.fetch({}, ends={LOG: 4})
        await rig.fetch({}, ends={LOG: 6})
        assert rig.runs == [(LOG, [0, 1], 4), (LOG, [], 6)]

    run(test)


def acknowledged(rig: Rig, tp: TP, last: int) -> bool:
    message = rig.handed[[one.offset for one in rig.handed].index(last)]
    assert message.tp == tp
    return rig.consumer.ack(message)


def test_acknowledging_a_run_commits_what_follows_it() -> None:
    async def test() -> None:
        rig = await Rig().ready()
        await rig.fetch({A: records(A, [0, 1, 7])})
        assert acknowledged(rig, A, 7)
        assert not acknowledged(rig, A, 7)
        assert rig.consumer._filter_committable_offsets([A]) == {A: 8}
        assert rig.consumer._filter_committable_offsets([A]) == {}

    run(test)


def test_with_transactions_nothing_is_left_to_commit() -> None:
    async def test() -> None:
        rig = await Rig(transactional=True).ready()
        await rig.fetch({A: records(A, [0])})
        assert acknowledged(rig, A, 0)
        assert list(rig.consumer._filter_tps_with_pending_acks()) == []

    run(test)


def test_an_acknowledged_offset_is_forgotten_with_its_partition() -> None:
    async def test() -> None:
        rig = await Rig().ready()
        await rig.fetch({A: records(A, [0]), B: records(B, [0])})
        for message in rig.handed:
            rig.consumer.ack(message)
        await rig.consumer.on_partitions_revoked({A})
        assert rig.consumer._filter_committable_offsets([A, B]) == {B: 1}
        assert rig.log[-1] == ("revoked", {A})

    run(test)


def test_what_was_acknowledged_is_committed_before_its_partition_leaves() -> None:
    """By what empties the flow; Faust has dropped it before that, and it was read again."""

    async def test() -> None:
        rig = await Rig().ready()
        await rig.fetch({A: records(A, [0])})
        rig.consumer.ack(rig.handed[0])
        rig.take_commits()
        await rig.consumer.on_partitions_revoked({A})
        assert rig.log[-1] == ("committed", {A: 1})

    run(test)


def test_the_last_commit_has_what_was_acknowledged_during_the_one_before_it() -> None:
    async def test() -> None:
        rig = await Rig().ready()
        await rig.fetch({A: records(A, [0]), B: records(B, [4])})
        rig.take_commits()
        rig.consumer.ack(rig.handed[0])
        under_way = asyncio.create_task(rig.consumer.commit())
        await asyncio.sleep(0)
        rig.consumer.ack(rig.handed[1])
        await rig.consumer.commit_and_end_transactions()
        await under_way
        assert rig.log[-2:] == [("committed", {A: 1}), ("committed", {B: 5})]

    run(test)


def test_transactions_are_opened_before_recovery_may_read() -> None:
    async def test() -> None:
        rig = Rig(transactional=True)
        await rig.consumer.on_partitions_assigned({A, LOG}, 1)
        assert rig.log == [("own", {A}), ("assigned", {A, LOG})]

    run(test)


def test_a_failure_at_assignment_crashes_the_worker() -> None:
    async def test() -> None:
        rig = Rig(transactional=True)
        checkpoint: Any = rig.consumer.checkpoint
        checkpoint.failure = KeyError("no broker")
        with pytest.raises(KeyError):
            await rig.consumer.on_partitions_assigned({A}, 1)
        assert rig.app.crash_reason is checkpoint.failure
        assert rig.log == [("own", {A})]

    run(test)
