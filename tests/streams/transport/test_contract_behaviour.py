"""What Faust, mode and aiokafka do, where the transport stands on it, without a broker."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import mode
import pytest
from aiokafka.consumer.subscription_state import Assignment, SubscriptionState
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.structs import TopicPartition
from faust.events import Event
from faust.types import TP
from faust.types.tuples import ConsumerMessage
from mode.signals import Signal

from streams.checkpoint import BATCH_BYTES
from streams.crashes import CRASHED
from streams.transport.consumer import RunConsumer
from streams.transport.thread import RunFetcher
from tests.support.transport import EVENTS, PROFILES, Rig, records, run

A, OTHER = TP(EVENTS, 0), TP(EVENTS, 1)
ATTRIBUTES = [
    "_buffered_partitions", "_committed_offset", "_n_acked",
    "_read_offset", "_stopped", "_thread", "_unacked_messages", "_waiting_for_ack", "app",
    "callback", "flow_active", "loop", "beacon", "suspend_flow", "should_stop",
]  # fmt: skip


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_consumer_of_faust_has_what_ours_reads(name: str) -> None:
    async def test() -> None:
        assert hasattr(Rig().consumer, name), f"Faust's consumer has no {name} any more"

    run(test)


def test_a_partition_that_was_never_read_has_no_offset() -> None:
    async def test() -> None:
        consumer = Rig().consumer
        assert consumer._read_offset[A] is None
        assert consumer._committed_offset[A] is None

    run(test)


def test_the_app_uses_our_consumer_and_our_fetcher() -> None:
    async def test() -> None:
        rig = Rig()
        assert type(rig.consumer) is RunConsumer
        assert type(rig.app._fetcher) is RunFetcher

    run(test)


def test_changelog_partitions_are_told_by_the_tables() -> None:
    async def test() -> None:
        rig = Rig()
        rig.app.tables._changelogs[PROFILES] = None
        assert rig.consumer._is_changelog_tp(TP(PROFILES, 0))
        assert not rig.consumer._is_changelog_tp(A)

    run(test)


@pytest.mark.parametrize(
    "name",
    ["_recovery_ended_at", "_recovery_started_at", "active_remaining", "completed", "in_recovery"],
)
def test_recovery_of_faust_has_what_health_is_told_by(name: str) -> None:
    async def test() -> None:
        recovery = Rig().app.tables.recovery
        assert hasattr(recovery, name), f"Faust's recovery has no {name} any more"

    run(test)


def message(offset: int = 0) -> Any:
    value: Any = records(A, [offset])
    return ConsumerMessage(
        A.topic, A.partition, offset, 1.0, 0, None, None, value, None, 0, 0, A, generation_id=1
    )


def test_a_message_hands_its_run_through_the_topic_as_it_is() -> None:
    async def test() -> None:
        rig = Rig()
        topic = rig.worker.scoring.profiles.changelog_topic
        source: Any = rig.app.topic(EVENTS, schema=topic.schema, value_type=bytes)
        sent = message(7)
        for channel in (source, topic):
            event = await channel.decode(sent, propagate=True)
            assert event.value is sent.value
            assert event.message.offset == 7

    run(test)


def test_a_message_is_acknowledged_when_the_stream_acknowledges_it_and_not_before() -> None:
    async def test() -> None:
        rig = Rig()
        rig.app.flow_control.resume()
        channel: Any = rig.app.channel()
        stream = rig.app.stream(channel).noack()
        sent = message()
        sent.incref()
        rig.consumer.track_message(sent)
        events = stream.events()
        first = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.05)
        await channel.put(Event(rig.app, None, sent.value, None, sent))
        await channel.put(Event(rig.app, None, [], None, message(1)))
        event = await first
        await anext(events)  # asking for the next does not acknowledge the one before
        assert event.value is sent.value
        assert not sent.acked
        assert set(rig.consumer.unacked) == {sent}
        await stream.ack(event)
        assert sent.acked
        assert set(rig.consumer.unacked) == set()
        await stream.stop()

    run(test)


def test_of_two_that_are_waited_for_the_one_that_came_is_said() -> None:
    async def test() -> None:
        service = mode.Service()
        never, now = asyncio.Event(), asyncio.sleep(0)
        result = await service.wait_first(now, never.wait())
        assert now in result.done
        service._stopped.set()
        again = asyncio.sleep(0)
        assert (await service.wait_first(again, never.wait())).done == []

    run(test)


def test_a_signal_says_its_sender_first_and_what_is_sent_last() -> None:
    async def test() -> None:
        heard: list[Any] = []

        async def hear(*sent: Any, **_: Any) -> None:
            heard.append(sent)

        rig = Rig()
        rig.app.on_partitions_revoked.connect(hear)
        rig.app.on_partitions_assigned.connect(hear)
        await rig.app.on_partitions_revoked.send({A})
        await rig.app.on_partitions_assigned.send({OTHER})
        assert heard == [(rig.app, {A}), (rig.app, {OTHER})]
        assert isinstance(rig.app.on_before_shutdown, Signal)

    run(test)


def test_a_crash_stops_the_app_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """The words are what streams/crashes.py knows a crash by."""

    async def test() -> None:
        rig, error = Rig(), KeyError("goal")
        with caplog.at_level(logging.ERROR):
            await rig.app.crash(error)
        assert rig.app.should_stop
        assert rig.app.crash_reason is error
        assert caplog.records[0].msg.endswith(CRASHED)
        assert caplog.records[0].args == (error,)

    run(test)


def test_a_task_that_is_overridden_runs_once() -> None:
    async def test() -> None:
        fetcher = RunFetcher(Rig().app)
        assert [task.fun.__qualname__ for task in fetcher._get_tasks()] == ["RunFetcher._fetcher"]

    run(test)


def test_a_batch_says_when_it_is_full_and_always_takes_a_first_record() -> None:
    batch: Any = BatchBuilder(BATCH_BYTES, 0, is_transactional=True)
    assert batch.append(timestamp=None, key=b"k", value=b"v" * 2 * BATCH_BYTES) is not None
    assert batch.append(timestamp=None, key=b"k", value=b"v") is None
    assert batch.record_count() == 1


def test_a_batch_takes_tombstones_and_headers() -> None:
    batch: Any = BatchBuilder(BATCH_BYTES, 0)
    batch.append(timestamp=None, key=b"k", value=None, headers=[("reason", b"not_json")])
    (found,) = DefaultRecordBatch(bytes(batch._build()))
    assert (found.key, found.value, found.headers) == (b"k", None, [("reason", b"not_json")])


def test_a_partition_of_aiokafka_has_the_state_that_is_read() -> None:
    async def test() -> None:
        place = TopicPartition("events", 0)
        assignment: Any = Assignment([place])
        state = assignment.state_value(place)
        assert assignment.tps == {place}
        assert not state.has_valid_position
        assert (state.highwater, state.timestamp, state.lso) == (None, None, None)
        state.seek(7)
        assert (state.has_valid_position, state._position) == (True, 7)
        subscription: Any = SubscriptionState()
        assert subscription.subscription is None
        subscription.assign_from_user([place])
        again: Any = subscription.subscription
        assert again.assignment.tps == {place}

    run(test)
