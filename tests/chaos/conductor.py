"""Brings faults about, and what a supervisor would do after them."""

from __future__ import annotations

import json
import re
import signal
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.admin._partitions import ElectionType
from kafka.errors import KafkaError

from streams.admin import BrokerError, admin_client
from tests.chaos.load import CONFIG
from tests.chaos.log import visit
from tests.chaos.plan import Fault
from tests.support.apache import Broker
from tests.support.cluster import Cluster, Worker, until

SESSION = 6.0
#: Seconds that a watched trainer is given to write a snapshot.
SOON = 20.0
#: And one that joins, to be ready.
ARRIVAL = 40.0
#: Times that trainers are killed, at most, until one dies before its snapshot is committed.
STRIKES = 4
#: Who leads a partition without a leader.
NOBODY = -1


@dataclass
class Conductor:
    """Keeps workers running, except for what it does to them.

    Parameters
    ----------
    cluster
        Where they work.
    brokers
        Those that may be hurt; none of them if there is only one.
    """

    cluster: Cluster
    brokers: Sequence[Broker] = ()
    workers: list[Worker] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)

    def start(self, number: int) -> None:
        """Start so many workers and wait until they are ready."""
        for _ in range(number):
            self.workers.append(self._new().start())
        for worker in self.workers:
            worker.wait_ready()

    def play(self, plan: Iterable[Fault]) -> None:
        """One fault after the other; what died is started again, as a supervisor would."""
        for fault in plan:
            self._peace(fault.pause)
            getattr(self, f"_{fault.kind}")(fault.target)
            self.done[fault.kind] += 1
        self._peace(2.0)

    def _new(self) -> Worker:
        return self.cluster.worker(CONFIG, transaction_timeout="10")

    def _peace(self, seconds: float) -> None:
        until_then = time.monotonic() + seconds
        while time.monotonic() < until_then:
            for worker in self.workers:
                if not worker.alive:  # fenced, or it could not reach its broker
                    self.done["restarted"] += 1
                    time.sleep(1.0)
                    worker.start()
            time.sleep(0.2)

    def _worker(self, target: int) -> Worker:
        """The worker that a fault is for, running: no fault falls on one that is dead already."""
        worker = self.workers[target % len(self.workers)]
        if not worker.alive:
            self.done["restarted"] += 1
            worker.start()
        return worker

    # -- faults of workers -------------------------------------------------------------------

    def _kill(self, target: int) -> None:
        worker = self._worker(target)
        worker.kill()
        self.done["SIGKILL"] += 1
        time.sleep(1.0)
        worker.start()

    def _term(self, target: int) -> None:
        worker = self._worker(target)
        self.done["clean_stops"] += worker.stop() == 0
        worker.start()

    def _freeze(self, target: int) -> None:
        """Asleep beyond its session; awake again, it has been fenced, or joins as a stranger."""
        worker = self._worker(target)
        worker.send_signal(signal.SIGSTOP)
        self.done["SIGSTOP"] += 1
        time.sleep(SESSION + 4.0)
        worker.send_signal(signal.SIGCONT)

    def _join(self, _target: int) -> None:
        """One more for a while."""
        guest = self._new().start()
        end = time.monotonic() + ARRIVAL
        while time.monotonic() < end and guest.alive and guest.get("/readyz") is None:
            self._peace(0.5)
        self.done["guests_ready"] += guest.get("/readyz") is not None
        self._peace(4.0)
        guest.stop()

    def _trainer(self, _target: int) -> None:
        """The trainer dies while its snapshot is written and not yet committed.

        Between the two are some milliseconds: where it was committed first, it dies once more.
        """
        for _ in range(STRIKES):
            seen = self._strike()
            self._peace(2.0)
            if seen is not None and self._is_aborted(seen):
                self.done["snapshots_aborted"] += 1
                return

    def _strike(self) -> int | None:
        """Kill the trainers as soon as a snapshot can be seen; its offset."""
        watcher = self._consumer("read_uncommitted")
        try:
            trainers = [worker for worker in self.workers if trains(worker)]
            watcher.seek_to_end()
            watcher.position(self._models)
            seen: list[int] = []
            end = time.monotonic() + SOON
            while time.monotonic() < end and not seen:
                polled = watcher.poll(timeout_ms=20, max_records=1)
                seen += [record.offset for found in polled.values() for record in found]
            for worker in trainers:
                if worker.alive:
                    worker.kill()
                    self.done["SIGKILL"] += 1
            return seen[0] if seen else None
        finally:
            watcher.close()

    def _is_aborted(self, offset: int) -> bool:
        """Whether a record never counts; waits until its transaction has an end."""
        reader = self._consumer("read_committed")

        def ended() -> bool:
            self._peace(0.2)
            return int(reader.end_offsets([self._models])[self._models]) > offset

        try:
            until(ended, "the transaction of a dead trainer to end", ARRIVAL)
            reader.seek(self._models, offset)
            polled = reader.poll(timeout_ms=2_000, max_records=1)
            return offset not in [one.offset for found in polled.values() for one in found]
        finally:
            reader.close()

    @property
    def _models(self) -> TopicPartition:
        return TopicPartition(self.cluster.topics.models, 0)

    def _consumer(self, isolation: str) -> Any:
        consumer = KafkaConsumer(
            bootstrap_servers=self.cluster.settings.brokers.split(","), isolation_level=isolation,
            enable_auto_commit=False,
        )  # fmt: skip
        consumer.assign([self._models])
        return consumer

    # -- faults of brokers -------------------------------------------------------------------

    def _broker_kill(self, target: int) -> None:
        broker = self.brokers[target % len(self.brokers)]
        before = self._coordinators()
        broker.kill()
        self.done["broker_restarts"] += 1
        self._peace(4.0)
        broker.start()
        self._peace(3.0)
        self._count_moves(before)  # the controller may have missed it only now that it is back

    def _broker_term(self, target: int) -> None:
        broker = self.brokers[target % len(self.brokers)]
        before = self._coordinators()
        broker.stop()
        self.done["broker_restarts"] += 1
        self._peace(2.0)
        broker.start()
        self._peace(3.0)
        self._count_moves(before)

    def _leader(self, _target: int) -> None:
        """Leaders, coordinators among them, go where they were meant to be."""
        before = self._coordinators()
        with admin_client(self.cluster.settings) as client:
            try:
                client.elect_leaders(ElectionType.PREFERRED, raise_errors=False)
            except KafkaError:
                self.done["no_election"] += 1
        self._peace(2.0)
        self._count_moves(before)

    def _count_moves(self, before: dict[str, int]) -> None:
        after = self._coordinators()
        places = [(at, after.get(name, NOBODY)) for name, at in before.items()]
        self.done["coordinators_moved"] += sum(
            was != now for was, now in places if NOBODY not in (was, now)
        )

    def _coordinators(self) -> dict[str, int]:
        """The brokers that coordinate our group and our transactional ids."""
        settings, topics = self.cluster.settings, self.cluster.topics
        ids = [
            f"{settings.prefix}-{topic}-{partition}"
            for topic in topics.sources for partition in range(settings.partitions)
        ]  # fmt: skip
        places = {"__consumer_offsets": [settings.prefix], "__transaction_state": ids}
        try:
            with admin_client(settings) as client:
                found = client.describe_topics(list(places))
        except BrokerError:  # no broker can say it at the moment
            return {}
        told = {one["name"]: one["partitions"] for one in found}
        leaders = {
            topic: {one["partition_index"]: one["leader_id"] for one in partitions}
            for topic, partitions in told.items()
        }
        return {
            name: leaders[topic][java_hash(name) % len(leaders[topic])]
            for topic, names in places.items() for name in names
        }  # fmt: skip

    def rebalances(self) -> int:
        """How often the group has come to an agreement, by what the brokers say."""
        said = re.compile(
            rf"Stabilized group {re.escape(self.cluster.settings.prefix)} generation (\d+)"
        )
        logs = [(broker.folder / "log").read_text(errors="replace") for broker in self.brokers]
        return len({number for log in logs for number in said.findall(log)})

    # -- the end -----------------------------------------------------------------------------

    def settle(self, ends: dict[int, int]) -> None:
        """Wait until all events are committed; whoever is dead is started."""

        def done() -> bool:
            self._peace(0.5)
            return self.cluster.committed() == ends

        until(done, "all events to be committed", 600.0)

    def latest(self) -> dict[str, dict[str, Any]]:
        """The latest snapshot of each goal."""
        found: dict[str, dict[str, Any]] = {}
        visit(
            self.cluster, self.cluster.topics.models,
            lambda record: found.__setitem__(record.key.decode(), json.loads(record.value)),
        )  # fmt: skip
        return found

    def speak(self) -> bool:
        """Whether both goals have something to say, and every worker knows."""
        latest = self.latest()
        known = [worker.metrics() for worker in self.workers]
        return len(latest) == 2 and all(
            snapshot["status"] != "collecting"
            and all(
                one.get(f"penchant_model_version/{goal}") == snapshot["version"] for one in known
            )
            for goal, snapshot in latest.items()
        )

    def settle_training(self) -> None:
        """Wait until every example has been learned."""
        examples: Counter[str] = Counter()
        visit(
            self.cluster, self.cluster.topics.examples,
            lambda record: examples.update([record.key.decode()]),
        )  # fmt: skip

        def done() -> bool:
            self._peace(0.5)
            learned = {goal: one["examples"] for goal, one in self.latest().items()}
            return learned == dict(examples)

        until(done, "all examples to be learned", 300.0)


def trains(worker: Worker) -> bool:
    """Whether a worker has the trainer of a goal."""
    return any(name.startswith("penchant_goal_status") for name in worker.metrics())


def java_hash(text: str) -> int:
    """What Apache Kafka finds the coordinator of an id by: String.hashCode, without its sign.

    Examples
    --------
    >>> java_hash("penchant"), java_hash("a")
    (313650665, 97)
    """
    value = 0
    for character in text:
        value = (31 * value + ord(character)) & 0xFFFFFFFF
    return abs(value - (1 << 32) if value >> 31 else value)
