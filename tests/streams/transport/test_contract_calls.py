"""Functions of Faust, mode and aiokafka take what we give them, or what we are given for them."""

from __future__ import annotations

from typing import Any

import faust
import mode
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.partitioner import DefaultPartitioner
from faust.app.base import App
from faust.stores.base import Store
from faust.tables.base import Collection
from faust.topics import Topic
from faust.transport import consumer
from faust.transport.base import Transport
from faust.transport.drivers import aiokafka as driver
from faust.types import StoreT
from faust.types.tuples import Message
from faust.web.views import View
from mode import threads

from streams.transport.store import RunStore
from tests.support.contracts import Call, assert_same_parameters, name_of

MESSAGE = (
    "self topic partition offset timestamp timestamp_type headers key value checksum "
    "serialized_key_size serialized_value_size tp time_in time_out time_total generation_id"
)
OVERRIDDEN = "we override it"
CALLED = "we call it"
CALLS = [
    Call(consumer.Consumer, "_drain_messages", "self fetcher", OVERRIDDEN),
    Call(consumer.Consumer, "ack", "self message", OVERRIDDEN),
    Call(consumer.Consumer, "_new_offset", "self tp", OVERRIDDEN),
    Call(consumer.Consumer, "_filter_tps_with_pending_acks", "self topics", OVERRIDDEN),
    Call(consumer.Consumer, "commit_and_end_transactions", "self", OVERRIDDEN),
    Call(consumer.Consumer, "maybe_wait_for_commit_to_finish", "self", CALLED),
    Call(consumer.Consumer, "perform_seek", "self", OVERRIDDEN),
    Call(consumer.Consumer, "resume_flow", "self", OVERRIDDEN),
    Call(consumer.Consumer, "on_partitions_revoked", "self revoked", OVERRIDDEN),
    Call(consumer.Consumer, "on_partitions_assigned", "self assigned generation_id", OVERRIDDEN),
    Call(consumer.Consumer, "_wait_next_records", "self timeout", CALLED),
    Call(consumer.Consumer, "_is_changelog_tp", "self tp", CALLED),
    Call(consumer.ThreadDelegateConsumer, "_new_consumer_thread", "self", OVERRIDDEN),
    Call(consumer.ThreadDelegateConsumer, "_getmany", "self active_partitions timeout", OVERRIDDEN),
    Call(consumer.ThreadDelegateConsumer, "seek_wait", "self partitions", CALLED),
    Call(consumer.Fetcher, "_fetcher", "self", OVERRIDDEN),
    Call(driver.AIOKafkaConsumerThread, "_create_worker_consumer", "self transport", OVERRIDDEN),
    Call(driver.AIOKafkaConsumerThread, "on_thread_stop", "self", OVERRIDDEN),
    Call(driver.AIOKafkaConsumerThread, "close", "self", OVERRIDDEN),
    Call(threads.ServiceThread, "on_crash", "self msg fmt kwargs", OVERRIDDEN),
    Call(threads.ServiceThread, "_stopped_set", "self", OVERRIDDEN),
    Call(Transport, "__init__", "self url app loop", OVERRIDDEN),
    Call(Message, "__init__", MESSAGE, CALLED),
    Call(Message, "ack", "self consumer n", "it asks our consumer when nobody holds it any more"),
    Call(mode.Service, "wait_first", "self coros timeout", CALLED),
    Call(mode.Service, "crash", "self reason", CALLED),
    Call(Store, "persisted_offset", "self tp", OVERRIDDEN),
    Call(Store, "on_recovery_completed", "self active_tps standby_tps", OVERRIDDEN),
    Call(StoreT, "apply_changelog_batch", "self batch to_key to_value", OVERRIDDEN),
    Call(StoreT, "reset_state", "self", OVERRIDDEN),
    Call(StoreT, "backup_partition", "self tp flush purge keep", OVERRIDDEN),
    Call(StoreT, "restore_backup", "self tp latest backup_id", OVERRIDDEN),
    Call(Collection, "apply_changelog_batch", "self batch", "recovery hands runs to the store"),
    Call(Collection, "_new_store", "self", OVERRIDDEN),
    Call(Collection, "_new_changelog_topic", "self retention compacting deleting", OVERRIDDEN),
    Call(Topic, "_compile_decode", "self", CALLED),
    Call(faust.Schema, "loads_key", "self app message loads serializer", OVERRIDDEN),
    Call(faust.Schema, "loads_value", "self app message loads serializer", OVERRIDDEN),
    Call(faust.Stream, "noack", "self", CALLED),
    Call(faust.Stream, "events", "self", CALLED),
    Call(faust.Stream, "ack", "self event", CALLED),
    Call(App, "timer", "self interval on_leader traced name max_drift_correction", CALLED),
    Call(App, "task", "self fun on_leader traced", CALLED),
    Call(App, "page", "self path base cors_options name", CALLED),
    Call(View, "bytes", "self value content_type status reason headers", CALLED),
    Call(View, "json", "self value content_type status reason headers", CALLED),
    Call(AIOKafkaProducer, "create_batch", "self", CALLED),
    Call(AIOKafkaProducer, "send_batch", "self batch topic partition", CALLED),
    Call(AIOKafkaProducer, "transaction", "self", CALLED),
    Call(AIOKafkaProducer, "send_offsets_to_transaction", "self offsets group_id", CALLED),
    Call(AIOKafkaConsumer, "getmany", "self partitions timeout_ms max_records", CALLED),
    Call(Assignment, "state_value", "self tp", CALLED),
    Call(DefaultPartitioner, "__call__", "cls key all_partitions available", CALLED),
]
OPTIONS = (
    "acks", "bootstrap_servers", "linger_ms", "max_batch_size", "max_request_size",
    "request_timeout_ms", "sasl_mechanism", "sasl_plain_password", "sasl_plain_username",
    "security_protocol", "ssl_context", "transaction_timeout_ms", "transactional_id",
)  # fmt: skip


@pytest.mark.parametrize("call", CALLS, ids=name_of)
def test_it_takes_what_it_took(call: Call) -> None:
    assert_same_parameters(call)


@pytest.mark.parametrize("option", OPTIONS)
def test_the_producer_has_the_options_that_the_checkpoint_sets(option: str) -> None:
    taken = AIOKafkaProducer.__init__.__kwdefaults__
    assert option in taken, f"aiokafka's producer no longer takes {option}"


def test_every_abstract_method_of_a_store_is_ours() -> None:
    missing: Any = getattr(RunStore, "__abstractmethods__", frozenset())
    assert not missing, f"a store needs {sorted(missing)} now"


def test_the_partitioner_chooses_like_every_kafka_producer() -> None:
    """Numbers of Java's own tests of murmur2, masked to 31 bits."""
    murmur2 = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    choose, partitions = DefaultPartitioner(), list(range(1000))
    for key, number in murmur2.items():
        assert choose(key, partitions, partitions) == (number & 0x7FFFFFFF) % 1000
