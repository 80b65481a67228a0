"""More faults of real workers, brokers and feeds, and the alerts that a real Prometheus raises.

What is in tests/deploy/test_monitoring.py happens to one worker that stays up; here workers crash,
pause and recover, come too late for their records, run short of memory, and a feed loses events.
Together they make each of the seventeen alerts fire and resolve. The bound of memory is given to a
worker by tests/support/tight.py, for whoever runs tests may seldom make a control group;
tests/streams/test_vitals.py says that the bound of one is found.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from models.config.durations import DAY
from tests.deploy.test_monitoring import CONFIG, LEARNING, applied
from tests.integration.test_lost import delete_all
from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.factories import START, event, habits
from tests.support.prometheus import Prometheus, prometheus
from tests.support.quotas import throttled
from tests.support.tight import BOUND

pytestmark = [pytest.mark.kafka, pytest.mark.tools("prometheus", long=True)]

PATIENCE = 240.0
#: Crashes at a record until it becomes a dead letter: as many as make a loop.
CRASHES = 3
#: A start takes seconds, and so does a pause that the broker notices.
SLOWER = {"PenchantCrashLoop": 8, "PenchantRebalancing": 8}
#: Bytes a second of one client: some hundred rows of a changelog.
SLOW_READING = {"consumer_byte_rate": 20_000.0}
#: What a worker uses of its bound of memory, where nine tenths are too much.
NEARLY = 0.98
#: Records that come after those that are deleted: some in each partition.
LEFT = 200
PROFILES, LEARNED_DAYS = 400, 25
CHURN = """\
time: {allowed_lateness: 0s}
goals:
  churn:
    propensity: churn
    outcome: {will_not: {where: {field: type, equals: basket}}, within: 1d}
    tickets: {every: 12h}
"""


@contextlib.contextmanager
def kept_up(worker: Worker) -> Iterator[Worker]:
    """Start a worker again whenever it ends, as its supervisor does."""
    over = threading.Event()

    def supervise() -> None:
        while not over.wait(0.2):
            if not worker.alive:
                worker.start()

    thread = threading.Thread(target=supervise)
    thread.start()
    try:
        yield worker
    finally:
        over.set()
        thread.join()


def tells(server: Prometheus, *names: str) -> None:
    """Wait until all of these alerts fire."""
    until(lambda: set(names) <= server.firing(), f"{names} to be told", PATIENCE)


def untells(server: Prometheus, *names: str) -> None:
    """Wait until none of these alerts fires."""
    until(lambda: not set(names) & server.firing(), f"{names} to be over", PATIENCE)


def test_workers_that_lag_crash_recover_and_pause_are_told_until_they_are_well(
    kafka: Cluster, tmp_path: Path, tool: Callable[[str], str]
) -> None:
    worker, other = (kafka.worker(CONFIG, poison_crashes=str(CRASHES)) for _ in range(2))
    worker.program = (sys.executable, "-m", "tests.support.buggy_worker")
    worker.start().wait_ready()
    targets = [f"127.0.0.1:{one.port}" for one in (worker, other)]
    with prometheus(tool("prometheus"), tmp_path / "prometheus", targets, slower=SLOWER) as server:
        log = habits(profiles=60, days=20, start=START)
        kafka.send(keyed(log), pause=LEARNING / 4 / len(log))
        until(lambda: applied(worker) >= len(log), "all events to be applied")
        assert not {"PenchantCrashLoop", "PenchantLagGrowing", "PenchantPoison"} & server.firing()
        asyncio.run(a_lag_that_grows_is_told_until_it_shrinks(kafka, server))
        a_record_that_crashes_the_engine_is_told(kafka, worker, server)
        a_recovery_that_takes_long_is_told_until_it_ends(kafka, worker, server)
        workers_that_pause_are_told_until_they_do_not(worker, other, server)
        untells(server, "PenchantCrashLoop", "PenchantPoison", "PenchantRebalancing")


async def a_lag_that_grows_is_told_until_it_shrinks(cluster: Cluster, server: Prometheus) -> None:
    """A transaction that somebody leaves open in the events, while events go on to come."""
    count, over = itertools.count(), threading.Event()

    def log() -> Iterator[tuple[bytes, bytes]]:
        while not over.is_set():
            number = next(count)
            one = event(f"p{number % 60}", START + 21 * DAY + number, event_id=f"lag{number}")
            yield from keyed([one])

    sending = threading.Thread(target=cluster.send, args=(log(),), kwargs={"pause": 0.001})
    somebody = AIOKafkaProducer(
        bootstrap_servers=cluster.settings.brokers, transactional_id="somebody",
        transaction_timeout_ms=600_000,
    )  # fmt: skip
    async with somebody:
        await somebody.begin_transaction()
        for number in range(cluster.settings.partitions):
            await somebody.send_and_wait(cluster.topics.events, b"{", partition=number)
        sending.start()
        try:
            await asyncio.to_thread(tells, server, "PenchantLagGrowing")
        finally:
            over.set()
            await asyncio.to_thread(sending.join)
            await somebody.abort_transaction()
    await asyncio.to_thread(untells, server, "PenchantLagGrowing")


def a_record_that_crashes_the_engine_is_told(
    cluster: Cluster, worker: Worker, server: Prometheus
) -> None:
    bad = event("p3", START + 22 * DAY, properties={"note": "poison"})
    with kept_up(worker):
        cluster.send(keyed([bad]))
        tells(server, "PenchantCrashLoop", "PenchantPoison")
    worker.wait_ready()


def a_recovery_that_takes_long_is_told_until_it_ends(
    cluster: Cluster, worker: Worker, server: Prometheus
) -> None:
    """The broker throttles who reads."""
    assert worker.stop() == 0
    with throttled(cluster.settings, SLOW_READING):
        worker.start()
        tells(server, "PenchantRecoveryTooLong")
    worker.wait_ready()
    untells(server, "PenchantRecoveryTooLong")


def workers_that_pause_are_told_until_they_do_not(
    worker: Worker, other: Worker, server: Prometheus
) -> None:
    """A machine that stands still for longer than a session, and comes back."""
    session = float(other.environment["PENCHANT_SESSION_TIMEOUT"])
    deadline = time.monotonic() + PATIENCE
    with kept_up(worker), kept_up(other):
        until(lambda: other.get("/readyz"), "the other worker", PATIENCE)
        while "PenchantRebalancing" not in server.firing():
            assert time.monotonic() < deadline, "rebalances were not told"
            other.send_signal(signal.SIGSTOP)
            time.sleep(session + 1)
            other.send_signal(signal.SIGCONT)
            until(lambda: other.get("/readyz"), "it to be back", PATIENCE)


def test_records_gone_unread_are_told_for_an_hour(
    kafka: Cluster, tmp_path: Path, tool: Callable[[str], str]
) -> None:
    """A retention that is shorter than the time for which a worker was away."""
    log = list(keyed(habits(profiles=60, days=20, start=START)))
    half = len(log) // 2
    worker = kafka.worker(CONFIG).start().wait_ready()
    target = f"127.0.0.1:{worker.port}"
    with prometheus(tool("prometheus"), tmp_path / "prometheus", [target]) as server:
        kafka.send(log[:half], pause=LEARNING / 4 / half)
        until(lambda: applied(worker) >= half, "the first half to be applied")
        assert "PenchantRecordsLost" not in server.firing()
        assert worker.stop() == 0
        kafka.send(log[half:-LEFT])
        delete_all(kafka)
        # The worker hears of a gap in a partition from the record behind it.
        kafka.send(log[-LEFT:])
        worker.start().wait_ready()
        tells(server, "PenchantRecordsLost")
        lost, counted = len(log) - half - LEFT, f"penchant_records_lost_total/{kafka.topics.events}"
        until(lambda: worker.metrics()[counted] == lost, "each of them to be counted")
        untells(server, "PenchantRecordsLost")


def test_a_worker_near_its_bound_of_memory_is_told_until_it_may_use_more(
    kafka: Cluster, tmp_path: Path, tool: Callable[[str], str]
) -> None:
    worker = kafka.worker(CONFIG)
    worker.program = (sys.executable, "-m", "tests.support.tight")
    worker.start().wait_ready()
    own, target = worker.environment, f"127.0.0.1:{worker.port}"
    with prometheus(tool("prometheus"), tmp_path / "prometheus", [target]) as server:
        until(lambda: server.values("instance:penchant_memory:ratio"), "it to be seen")
        assert "PenchantMemoryNearBound" not in server.firing()
        resident = worker.metrics()["process_resident_memory_bytes"]
        assert worker.stop() == 0
        worker.environment = {**own, BOUND: str(resident / NEARLY)}
        worker.start().wait_ready()
        tells(server, "PenchantMemoryNearBound")
        assert worker.stop() == 0
        worker.environment = own
        worker.start().wait_ready()
        untells(server, "PenchantMemoryNearBound")


def test_a_feed_that_loses_events_is_told_by_what_it_does_to_models(
    kafka: Cluster, tmp_path: Path, tool: Callable[[str], str]
) -> None:
    """For two days half of the profiles' events are lost: they look as if they had left."""
    told = "PenchantCalibrationOff", "PenchantAucFallen"
    log = habits(profiles=PROFILES, days=LEARNED_DAYS + 12, start=START)
    first, last = START + LEARNED_DAYS * DAY, START + (LEARNED_DAYS + 2) * DAY
    before = [one for one in log if one["timestamp"] < first]
    fault = [one for one in log if first <= one["timestamp"] < last]
    after = [one for one in log if one["timestamp"] >= last]
    lost = [one for one in fault if int(one["profile_id"][1:]) // 7 % 2]
    assert len(lost) > len(fault) / 3
    worker = kafka.worker(CHURN).start().wait_ready()
    target = f"127.0.0.1:{worker.port}"
    with prometheus(tool("prometheus"), tmp_path / "prometheus", [target]) as server:
        kafka.send(keyed(before), pause=LEARNING / len(before))
        until(lambda: applied(worker) >= len(before), "all events to be applied")
        assert not set(told) & server.firing()
        kafka.send(keyed([one for one in fault if one not in lost]), pause=0.01)
        tells(server, *told)
        kafka.send(keyed(after), pause=LEARNING / len(after))
        untells(server, *told)
