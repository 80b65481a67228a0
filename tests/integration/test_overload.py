"""A burst on a broker that throttles: memory stays bounded, nothing is lost, lag is seen to go."""

from __future__ import annotations

import time

import pytest

from tests.integration.test_kafka import (
    CONFIG,
    final_states_are_byte_equal_to_an_offline_recomputation,
)
from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.factories import habits
from tests.support.left import all_learned
from tests.support.quotas import throttled

pytestmark = pytest.mark.kafka

#: Bytes a second of one client: some two thousand events, and what follows from them.
QUOTAS = {"consumer_byte_rate": 400_000.0, "producer_byte_rate": 400_000.0}
#: What a burst may add to a worker's memory, bytes.
MOST_MEMORY = 150_000_000


class Watch:
    """What a worker shows while something goes on: its greatest lag and memory."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.lag = self.greatest = self.memory = self.applied = 0.0

    def look(self) -> Watch:
        """Look once more."""
        found = self.worker.metrics()
        self.applied = found.get("penchant_events_total/applied", self.applied)
        self.memory = max(self.memory, found.get("process_resident_memory_bytes", 0.0))
        self.lag = sum(
            value
            for name, value in found.items()
            if name.startswith("penchant_lag_records") and ".events" in name
        )
        self.greatest = max(self.greatest, self.lag)
        return self


def test_a_burst_on_a_throttled_broker_is_caught_up_with_in_bounded_memory(
    kafka: Cluster,
) -> None:
    log = list(keyed(habits(profiles=100, days=120)))
    size = sum(len(key) + len(value) for key, value in log)
    calm, burst = log[:1_000], log[1_000:]
    worker = kafka.worker(CONFIG).start().wait_ready()
    kafka.send(calm)
    watch = Watch(worker)
    until(lambda: watch.look().applied == len(calm), "what came before")
    before, started = watch.memory, time.monotonic()
    with throttled(kafka.settings, QUOTAS):
        kafka.send(burst)
        sent = time.monotonic() - started
        until(lambda: watch.look().applied == len(log), "the burst to be done with")
        took = time.monotonic() - started
    assert worker.alive
    assert took > size / QUOTAS["consumer_byte_rate"] / 2  # it did throttle
    assert took > 3 * sent  # and the burst was one
    assert watch.greatest > len(burst) / 4
    until(lambda: watch.look().lag == 0, "the lag to be gone")
    assert watch.memory - before < MOST_MEMORY
    until(lambda: all_learned(kafka), "all examples to be learned")
    final_states_are_byte_equal_to_an_offline_recomputation(kafka)
    assert worker.stop() == 0
