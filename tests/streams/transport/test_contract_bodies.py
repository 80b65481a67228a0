"""Functions of Faust, mode and aiokafka that are the ones we have read.

The transport replaces some of them and relies on the inner order of others, which no call from
outside can show. So their source is pinned: an upgrade that touches one fails here and says which,
and what of ours has to be read again beside it.
"""

from __future__ import annotations

import inspect
from importlib.metadata import version

import faust
import mode
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.consumer import fetcher
from aiokafka.consumer.subscription_state import TopicPartitionState
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.producer.producer import TransactionContext
from aiokafka.producer.sender import AddPartitionsToTxnHandler
from faust.app.base import App
from faust.tables.base import Collection
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport import conductor, consumer
from faust.transport.drivers import aiokafka as driver
from mode import threads

from tests.support.contracts import Body, assert_same_body, find, name_of

BODIES = [
    Body(consumer.Consumer, "_drain_messages", "8f35dd7a1114", "RunConsumer replaces it"),
    Body(consumer.Consumer, "ack", "5548cf0f7584", "RunConsumer replaces it"),
    Body(consumer.Consumer, "_new_offset", "2b29afe4dd9a", "RunConsumer replaces it"),
    Body(consumer.Consumer, "_wait_next_records", "ba40cd367132",
         "it gives what was fetched and the partitions that were active when it was asked for"),
    Body(consumer.Consumer, "perform_seek", "2b4ceebd23de",
         "it sets _read_offset to the committed offsets, which are the next to deliver"),
    Body(consumer.Consumer, "on_partitions_revoked", "652177e770ee",
         "it forgets acknowledged and read offsets of what is revoked"),
    Body(consumer.Consumer, "_filter_committable_offsets", "4fb75ba687d0",
         "commit() asks our _new_offset for every partition of _filter_tps_with_pending_acks"),
    Body(consumer.Consumer, "force_commit", "464b62ae9172", "it commits what our two filters say"),
    Body(consumer.Consumer, "maybe_wait_for_commit_to_finish", "14281eda99cf",
         "a commit that waited for another one does nothing more"),
    Body(consumer.Consumer, "wait_empty", "53195dca246c",
         "a rebalance waits for _unacked_messages, and _waiting_for_ack wakes it"),
    Body(consumer.Fetcher, "_fetcher", "64ea6297f5a0",
         "RunFetcher replaces it, for it crashes when stopped during a rebalance"),
    Body(driver.AIOKafkaConsumerThread, "_create_worker_consumer", "c179c0bdb975",
         "RunConsumerThread sets the isolation level of what it makes"),
    Body(driver.AIOKafkaConsumerThread, "_fetch_records", "9e7369fc572d",
         "it fetches nothing while the flow is suspended"),
    Body(driver.AIOKafkaConsumerThread, "_seek_wait", "98f8aa716db2",
         "seeking sets _read_offset, and returns when the position is known"),
    Body(driver.ConsumerRebalanceListener, "on_partitions_assigned", "f8231db51dd5",
         "the app's generation is set before our on_partitions_assigned"),
    Body(driver.ConsumerRebalanceListener, "on_partitions_revoked", "cb4aa49e968a",
         "the app knows of a rebalance before anything is awaited"),
    Body(conductor.ConductorCompiler, "build", "70ded0e71910",
         "a message waits for the flow, is handed to its agent's queue, or waits for room there"),
    Body(Recovery, "on_recovery_completed", "895e7c415a4d",
         "sources are sought to the committed offsets before the flow is resumed"),
    Body(Recovery, "_slurp_changelogs", "7e3120dad754",
         "recovery ends at the offset of the last message, and swallows what a store raises"),
    Body(Recovery, "flush_buffers", "446535924329", "what recovery buffered reaches the store"),
    Body(App, "_on_partitions_assigned", "c9c5485eb273",
         "agents, topics and tables hear of partitions in this order"),
    Body(App, "_on_partitions_revoked", "c1abd58dcb37",
         "the flow is stopped and emptied before the worker lets partitions go"),
    Body(App, "_on_rebalance_when_stopped", "603ccb5e2c26",
         "it closes the consumer, which RunConsumerThread leaves to its own end"),
    Body(App, "_stop_consumer", "96573acf5f04", "the fetcher is stopped before the tables are"),
    Body(TableManager, "on_stop", "301d30f94630", "the fetcher is stopped before the tables are"),
    Body(Collection, "_new_store", "0cad007da65f", "RunTable replaces it"),
    Body(mode.Service, "wait_first", "3ed3b8c32e14", "it says which of two came first"),
    Body(mode.Service, "crash", "6e0b5672cd83",
         "it marks every service up to the worker, and says CRASHED of streams/crashes.py"),
    Body(mode.Service, "_execute_task", "bebf0364a837", "what a task raises crashes the worker"),
    Body(mode.Worker, "_shutdown_loop", "6bdc5324caa9",
         "it raises what crashed the worker, and says RERAISING of streams/crashes.py"),
    Body(mode.Worker, "execute_from_commandline", "d441fd6a414d", "it ends with an exit code"),
    Body(threads.ServiceThread, "_serve", "584d278fb368", "a thread that fails crashes the worker"),
    Body(threads.MethodQueue, "_process_enqueued", "3488d5b16ac8",
         "calls into the consumer's thread give back what was raised there"),
    Body(fetcher.Fetcher, "fetched_records", "e20ce0c8117f",
         "positions move past what it returns, and past markers and compacted offsets"),
    Body(fetcher.Fetcher, "_proc_fetch_request", "ace04969424f",
         "it puts what it has fetched into _records, which streams/transport/reading.py replaces"),
    Body(fetcher.FetchResult, "getall", "b638929de343", "it iterates over its _partition_records"),
    Body(fetcher.PartitionRecords, "_unpack_records", "047f7fc3f005",
         "ParsedRecords is asked for each record, and hands over the parser's"),
    Body(fetcher.PartitionRecords, "__next__", "0c0c7e1a9e16", "ParsedRecords goes past it"),
    Body(driver.AIOKafkaConsumerThread, "on_start", "675d03707bbe",
         "the consumer has its fetcher, and nothing fetched, when it returns"),
    Body(TopicPartitionState, "seek", "1b41febdd59c", "it sets _position"),
    Body(TransactionContext, "__aexit__", "e9291b1a9f34",
         "an error in a transaction aborts it, and the error is what is raised"),
    Body(AddPartitionsToTxnHandler, "handle_response", "17bcd38903ea",
         "it waits BACKOFF_OVERRIDE, which streams/checkpoint.py sets, for the coordinator"),
    Body(AIOKafkaProducer, "send_batch", "ff8d65b59517", "a batch goes out whole, or not at all"),
    Body(BatchBuilder, "append", "65992902ef83", "Batch.fill does it for many records"),
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=name_of)
def test_the_body_is_the_one_that_was_read(body: Body) -> None:
    assert_same_body(body)


@pytest.mark.parametrize(
    ("package", "pinned"),
    [("faust-streaming", "0.15.3"), ("aiokafka", "0.14.0"), ("mode-streaming", "0.7.1")],
)
def test_the_release_is_the_one_that_was_read(package: str, pinned: str) -> None:
    found = version(package)
    assert found == pinned, (
        f"{package} {found} is installed, and {pinned} was read: see which of the tests beside "
        "this one fail, run the tests on Apache Kafka, and then pin it here and in pyproject.toml"
    )


def test_sources_are_sought_before_anything_is_resumed_after_recovery() -> None:
    source = inspect.getsource(Recovery.on_recovery_completed)
    order = ("consumer.perform_seek()", "self.completed.set()", "flow_control.resume()",
             "consumer.resume_flow()", "_fetcher.maybe_start()", "on_rebalance_end()")  # fmt: skip
    places = [source.find(step) for step in order]
    assert -1 not in places
    assert places == sorted(places), f"recovery now ends in another order than {order}"


def test_a_pin_says_what_moved() -> None:
    moved = Body(faust.Stream, "noack", "000000000000", "acknowledging by hand")
    with pytest.raises(AssertionError) as failed:
        assert_same_body(moved)
    said = str(failed.value)
    assert "Stream.noack is another one in faust-streaming 0.15.3" in said
    assert "acknowledging by hand" in said
    with pytest.raises(AssertionError, match=r"Stream\.nothing is gone from faust-streaming"):
        find(Body(faust.Stream, "nothing", "", "nothing"))
