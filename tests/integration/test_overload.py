"""A burst on a broker that throttles: memory stays bounded, nothing is lost, lag is seen to go.

Seconds long with the other tests; ``make overload`` makes it a minute of ten times what the worker
can do, and writes its figures to ``out/overload.json``.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.load import CONFIG, Load, events
from tests.chaos.recomputation import differing_states
from tests.support.cluster import Cluster, Worker, until
from tests.support.left import all_learned
from tests.support.quotas import throttled

pytestmark = pytest.mark.kafka

SECONDS = int(os.environ.get("PENCHANT_OVERLOAD", "2"))
IS_LONG = SECONDS >= 30
#: Events a second that are sent, whatever becomes of them.
RATE = 10_000.0 if IS_LONG else 5_000.0
#: Bytes a second of one client, much less than what is sent. Ten seconds' worth of them, some five
#: thousand events, brokers let pass at once.
QUOTAS = {"consumer_byte_rate": 100_000.0, "producer_byte_rate": 100_000.0}
PROFILES = 200
#: What a burst may add to a worker's memory, bytes.
MOST_MEMORY = 150_000_000
PATIENCE = 180.0 + 20 * SECONDS
OUT = Path("out/overload.json")


class Watch:
    """What a worker shows while something goes on: its lag and memory, and how they went."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.lag = self.greatest = self.memory = self.applied = 0.0
        #: Seconds, events applied, lag, memory.
        self.curve: list[tuple[float, float, float, float]] = []
        self._started = time.monotonic()

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
        at = time.monotonic() - self._started
        if not self.curve or at - self.curve[-1][0] >= 1.0:
            self.curve.append((at, self.applied, self.lag, self.memory))
        return self


def test_a_burst_on_a_throttled_broker_is_caught_up_with_in_bounded_memory(
    kafka: Cluster,
) -> None:
    where, source = (kafka.settings.brokers, kafka.topics.events), events(1, PROFILES)
    worker = kafka.worker(CONFIG).start().wait_ready()
    calm = Load(*where, RATE, source, 20 * PROFILES).start().wait()
    watch = Watch(worker)
    until(lambda: watch.look().applied == calm, "what came before")
    before, watch = watch.memory, Watch(worker)
    with throttled(kafka.settings, QUOTAS):
        load, started = Load(*where, RATE, source, round(RATE * SECONDS)).start(), time.monotonic()
        while time.monotonic() - started < SECONDS:
            watch.look()
            time.sleep(0.2)
        sent, ended = load.wait(), time.monotonic() - started
        meanwhile = watch.look().applied - calm
        assert worker.alive
    until(lambda: watch.look().applied == calm + sent, "all to be done with", PATIENCE)
    took = time.monotonic() - started
    until(lambda: watch.look().lag == 0, "the lag to be gone")
    report(watch, before, sent=sent, applied_meanwhile=meanwhile, sent_for=ended, took=took)
    assert sent - meanwhile > sent / 4
    # What a throttled fetch has not yet told of is not seen in a burst of seconds.
    assert watch.greatest > (sent / 5 if IS_LONG else sent / 50)
    assert watch.memory - before < MOST_MEMORY
    if IS_LONG:
        assert sent > 10 * meanwhile
    until(lambda: all_learned(kafka), "all examples to be learned", PATIENCE)
    assert differing_states(kafka) == 0
    assert worker.stop() == 0


def report(watch: Watch, before: float, **figures: float) -> None:
    """The figures, for people."""
    found: dict[str, Any] = {
        "greatest lag": watch.greatest, "memory before": before, "memory at most": watch.memory,
        "curve": watch.curve,
    }  # fmt: skip
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(figures | found, indent=2) + "\n")
