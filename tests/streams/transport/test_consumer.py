"""Runs are handed over in order and none is lost: the consumer's own logic, without a broker."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import (
    KafkaTimeoutError,
    NotLeaderForPartitionError,
    TopicAuthorizationFailedError,
)
from faust.types import TP
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.transport.consumer import FetchError, RunFetcher
from streams.transport.positions import RecreatedError
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


class State:
    """aiokafka's state of a partition, as far as it is read; a contract test compares them."""

    def __init__(
        self, position: int, highwater: int | None, polled: float | None, lso: int | None = None
    ) -> None:
        self._position = position
        self.lso = lso
        self.highwater = highwater
        self.timestamp = None if polled is None else polled * 1000
        self.has_valid_position = True


def with_states(rig: Rig, states: dict[TP, State]) -> Rig:
    positions: Any = rig.consumer.positions
    positions.states = lambda tps=None: [
        (tp, state)
        for tp, state in states.items()
        if tps is None or tp in [TP(*one) for one in tps]
    ]
    return rig


def test_the_lag_of_a_source_is_what_was_not_fetched() -> None:
    async def test() -> None:
        states = {A: State(7, 10, 1.0), B: State(4, None, 1.0), LOG: State(0, 9, 1.0)}
        assert with_states(Rig(), states).consumer.positions.lags({}) == {A: 3, B: 0}

    run(test)


def test_the_lag_of_a_source_counts_what_was_handed_over_and_is_not_durable() -> None:
    async def test() -> None:
        rig = with_states(Rig(), {A: State(7, 10, 1.0), B: State(9, 9, 1.0)})
        rig.consumer._read_offset.update({A: 6, B: 8})
        assert rig.consumer.positions.lags({A: 4, B: 8}) == {A: 5, B: 0}

    run(test)


def test_the_lag_counts_a_first_run_that_is_not_done_with_from_the_committed_offset() -> None:
    async def test() -> None:
        rig = with_states(Rig(), {A: State(9, 9, 1.0), B: State(9, 9, 1.0)})
        rig.consumer._read_offset.update({A: 9, B: 9})
        rig.consumer._committed_offset.update({A: 4, B: None})
        assert rig.consumer.positions.lags({}) == {A: 5, B: 0}

    run(test)


@pytest.mark.parametrize(("start", "told"), [(20, True), (10, False), (0, False)])
def test_records_that_are_deleted_unread_are_told(
    start: int, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Others are not: a gap may be markers and records of transactions that were aborted."""

    async def test() -> None:
        rig = Rig()
        rig.committed, rig.earliest = {A: 10}, {A: start}
        await rig.ready()
        await rig.fetch({A: records(A, range(20, 23))})
        assert rig.runs == [(A, [20, 21, 22], 22)]
        assert ("records from offset 10 to 19 are gone" in caplog.text) is told
        fields = ("topic", "partition", "offset")
        about = [tuple(vars(one)[name] for name in fields) for one in caplog.records]
        assert about == ([(A.topic, A.partition, 10)] if told else [])
        assert lost_of(rig) == (10.0 if told else 0.0)

    run(test)


def lost_of(rig: Rig) -> float:
    """What the metrics say of records that were deleted unread."""
    registry = rig.worker.metrics.registry
    return registry.get_sample_value("penchant_records_lost_total", {"topic": EVENTS}) or 0.0


@pytest.mark.parametrize("error", [KafkaTimeoutError(), NotLeaderForPartitionError()])
def test_while_no_broker_can_say_where_a_partition_begins_nothing_of_it_is_handed_over(
    error: Exception,
) -> None:
    """Asked again with the next fetch: a broker that fails over stops no worker."""

    async def test() -> None:
        rig = Rig()
        rig.committed, rig.earliest = {A: 10}, {A: 15}
        await rig.ready()
        rig.unknown = error
        await rig.fetch({A: records(A, range(20, 23))})
        assert (rig.handed, rig.sought, lost_of(rig)) == ([], [{A: 10}], 0.0)
        rig.unknown = None
        await rig.fetch({A: records(A, range(20, 23))})
        assert (rig.runs, lost_of(rig)) == ([(A, [20, 21, 22], 22)], 5.0)

    run(test)


def test_who_may_not_ask_where_a_partition_begins_is_stopped() -> None:
    async def test() -> None:
        rig = Rig()
        rig.committed = {A: 10}
        await rig.ready()
        rig.unknown = TopicAuthorizationFailedError()
        with pytest.raises(TopicAuthorizationFailedError):
            await rig.fetch({A: records(A, range(20, 23))})

    run(test)


def test_a_topic_that_was_created_anew_stops_the_worker_and_nothing_is_passed_over() -> None:
    async def test() -> None:
        rig = Rig()
        rig.committed = {A: 10}
        await rig.ready()
        with_states(rig, {A: State(3, 3, 1.0)})
        with pytest.raises(RecreatedError, match="partition 0: it ends before offset 10"):
            await rig.fetch({A: records(A, range(3))})
        assert rig.handed == []

    run(test)


@pytest.mark.parametrize("transactional", [True, False])
def test_what_stands_behind_an_open_transaction_is_lag_and_not_readable(
    transactional: bool,
) -> None:
    async def test() -> None:
        states = {A: State(7, 10, 1.0, 7), B: State(7, 10, 1.0, 8)}
        rig = with_states(Rig(transactional=transactional), states)
        rig.consumer._read_offset.update({A: 7, B: 7})
        assert rig.consumer.positions.lags({A: 7, B: 7}) == {A: 3, B: 3}
        assert rig.consumer.positions.readable({A: 7, B: 7}) == ({B} if transactional else {A, B})
        assert rig.consumer.positions.readable({A: 6, B: 7}) == {A, B}  # handed over, not done with

    run(test)


@pytest.mark.parametrize(
    ("state", "caught_up"),
    [
        (State(10, 10, 99.0), True),
        (State(9, 10, 99.0), False),
        (State(10, 10, 90.0), False),  # the last poll is too long ago to know
        (State(10, None, 99.0), False),
        (State(10, 10, None), False),
    ],
)
def test_a_source_is_caught_up_when_a_recent_poll_found_nothing_more(
    state: State, caught_up: bool
) -> None:
    async def test() -> None:
        consumer = with_states(Rig(), {A: state}).consumer
        assert consumer.positions.caught_up(A, 100.0, 5.0) is caught_up
        assert not consumer.positions.caught_up(B, 100.0, 5.0)

    run(test)


def drained(rig: Rig, ending: BaseException) -> RunFetcher:
    """A fetcher whose consumer ends in some way."""
    consumer: Any = rig.consumer

    async def drain(_fetcher: Any) -> None:
        raise ending

    consumer._drain_messages = drain
    return RunFetcher(rig.app)


def test_a_fetcher_may_be_stopped_in_the_middle_of_a_rebalance() -> None:
    """Told to stop while the group rebalances: Faust takes that for a crash."""

    async def test() -> None:
        rig = Rig()
        rig.app.rebalancing = True
        fetcher = RunFetcher(rig.app)
        consumer: Any = rig.consumer
        consumer._drain_messages = lambda _: asyncio.Event().wait()
        await fetcher.start()
        await asyncio.sleep(0)
        await fetcher.stop()
        assert not fetcher.crashed
        assert fetcher._shutdown.is_set()

    run(test)


def test_fetching_that_ends_by_itself_crashes_the_worker() -> None:
    async def test() -> None:
        fetcher = drained(Rig(), asyncio.CancelledError())
        await fetcher.start()
        await asyncio.sleep(0.05)
        assert isinstance(fetcher.crash_reason, FetchError)
        await fetcher.stop()

    run(test)


def test_a_consumer_thread_that_a_crash_has_ended_may_still_be_told_to_stop() -> None:
    async def test() -> None:
        thread: Any = Rig().consumer._thread
        thread.thread_loop.close()
        thread._stopped_set()
        assert not thread._stopped.is_set()

    run(test)


class Leaving:
    """An aiokafka consumer in the middle of a rebalance that never ends, or of none."""

    def __init__(self, *, ends: bool) -> None:
        self.ends, self.left = ends, False

    async def stop(self) -> None:
        """Leave."""
        if not self.ends:
            await asyncio.Event().wait()
        self.left = True


class Cancelling(Leaving):
    """One that ends as if it had been cancelled, for it has cancelled what it fetched."""

    async def stop(self) -> None:
        """Leave."""
        fetching = asyncio.ensure_future(asyncio.sleep(60))
        await asyncio.sleep(0)
        fetching.cancel()
        self.left = True
        await fetching


def test_fetches_that_are_cancelled_while_a_consumer_stops_cancel_nothing_else() -> None:
    """Otherwise the thread ends and nobody is told: a worker that was fenced waited for it."""
    consumer = Cancelling(ends=True)

    async def stop() -> None:
        thread: Any = Rig().consumer._thread
        thread._consumer = consumer
        await thread.on_thread_stop()

    run(stop)
    assert consumer.left


def test_who_cancels_the_stop_of_a_consumer_is_obeyed() -> None:
    async def test() -> None:
        thread: Any = Rig().consumer._thread
        thread._consumer = Leaving(ends=False)
        stopping = asyncio.ensure_future(thread.on_thread_stop())
        await asyncio.sleep(0.01)
        stopping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopping

    run(test)


@pytest.mark.parametrize("ends", [True, False])
def test_a_group_that_cannot_be_left_keeps_no_worker_from_ending(
    ends: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("streams.transport.consumer.LEAVING", 0.05)
    consumer = Leaving(ends=ends)

    async def stop() -> None:
        thread: Any = Rig().consumer._thread
        thread._consumer = consumer
        await asyncio.wait_for(thread.on_thread_stop(), 20)

    run(stop)
    assert consumer.left is ends
    assert ("not left in order" in caplog.text) is not ends
