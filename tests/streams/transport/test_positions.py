"""Where a consumer is: lags, what is gone unread, what could be read; without a broker."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.errors import (
    KafkaTimeoutError,
    NotLeaderForPartitionError,
    TopicAuthorizationFailedError,
)
from faust.types import TP

from streams.transport.positions import RecreatedError
from tests.support.transport import EVENTS, PROFILES, Rig, records, run

A, B = TP(EVENTS, 0), TP(EVENTS, 1)
LOG = TP(PROFILES, 0)


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
        positions = with_states(Rig(), states).consumer.positions
        assert positions.lags({}) == {A: 3, B: 0}
        assert positions.lags({}, [A, LOG]) == {A: 3}

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
        rig.committed = {A: 10}
        await rig.ready()
        rig.earliest = {A: start}
        await rig.fetch({A: records(A, range(20, 23))})
        assert rig.runs == [(A, [20, 21, 22], 22)]
        assert ("records from offset 10 to 19 are gone" in caplog.text) is told
        fields = ("topic", "partition", "offset")
        about = [tuple(vars(one)[name] for name in fields) for one in caplog.records]
        assert about == ([(A.topic, A.partition, 10)] if told else [])
        assert lost_of(rig) == (10.0 if told else 0.0)

    run(test)


def test_the_loss_of_a_partition_that_was_emptied_is_told_before_anything_comes() -> None:
    async def test() -> None:
        rig = Rig()
        rig.committed, rig.earliest = {A: 10, B: 5}, {A: 20}
        await rig.ready()
        assert lost_of(rig) == 10.0
        await rig.fetch({A: records(A, [20]), B: records(B, [5])})
        assert rig.runs == [(A, [20], 20), (B, [5], 5)]
        assert lost_of(rig) == 10.0

    run(test)


async def deleted_unread() -> Rig:
    """A consumer that stands at an offset which is deleted then."""
    rig = Rig()
    rig.committed = {A: 10}
    await rig.ready()
    rig.earliest = {A: 15}
    return rig


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
        rig = await deleted_unread()
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
