"""What the benchmark of scale writes is what a worker takes over; on Apache Kafka."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks import scale
from tests.support.cluster import Cluster, until

PROFILES = 500


@pytest.mark.kafka
def test_a_worker_takes_over_all_profiles_and_tickets_that_were_written(
    kafka: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scale, "PATTERNS", 50)
    monkeypatch.setattr(scale, "AT_ONCE", 200)  # in several commits
    found = scale.patterns()
    assert len(found.states) == 50
    tickets = asyncio.run(scale.write(kafka, found, PROFILES))
    held = sum(len(tickets) for _, tickets in found.states)
    assert tickets == held * PROFILES // 50 > PROFILES
    worker = kafka.worker(scale.CONFIG).start().wait_ready()
    until(lambda: scale.shown(worker, "penchant_profiles/") == PROFILES, "all profiles")
    until(lambda: scale.shown(worker, "penchant_tickets_open/") == tickets, "all tickets")
    assert worker.stop() == 0
