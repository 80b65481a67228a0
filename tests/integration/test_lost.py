"""Records that Kafka deletes before a worker has read them are told, and the rest goes on."""

from __future__ import annotations

import pytest
from kafka import TopicPartition

from streams.admin import admin_client
from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.factories import START, habits
from tests.support.questions import AT_ONCE

DELETED = 100
LOST = "penchant_records_lost_total/{}"


@pytest.mark.kafka
def test_records_deleted_while_a_worker_was_away_are_counted_and_the_rest_is_applied(
    kafka: Cluster,
) -> None:
    log = list(keyed(habits(profiles=40, days=20, start=START)))
    first, last = len(log) - 2 * DELETED, len(log) - DELETED
    worker = kafka.worker(AT_ONCE).start().wait_ready()
    kafka.send(log[:first])
    until(lambda: applied(worker) == first, "what came while it was there")
    assert worker.metrics()[LOST.format(kafka.topics.events)] == 0
    worker.stop()
    kafka.send(log[first:last])
    delete_all(kafka)
    worker.start().wait_ready()
    lost = LOST.format(kafka.topics.events)
    until(lambda: worker.metrics().get(lost) == DELETED, "the loss, while nothing new comes")
    kafka.send(log[last:])
    until(lambda: applied(worker) == DELETED, "what is left")
    assert worker.metrics()[LOST.format(kafka.topics.events)] == DELETED
    assert "are gone before they were read" in worker.log.read_text()


def applied(worker: Worker) -> float:
    return worker.metrics().get("penchant_events_total/applied", 0.0)


def delete_all(kafka: Cluster) -> None:
    """Whatever is in the events topic: up to its end, which the broker knows as -1."""
    partitions = range(kafka.settings.partitions)
    with admin_client(kafka.settings) as client:
        client.delete_records({TopicPartition(kafka.topics.events, one): -1 for one in partitions})
