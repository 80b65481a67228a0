"""The examination: what the broker says, put before the verdicts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from aiokafka import AIOKafkaProducer
from kafka import KafkaConsumer
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, OffsetSpec
from kafka.errors import CoordinatorNotAvailableError, IncompatibleBrokerVersion, KafkaError
from kafka.protocol.consumer.offsets import IsolationLevel
from kafka.structs import TopicPartition

from models.config.schema import Config
from models.errors import SnapshotError
from models.goals.compiled import Compiled
from models.learning.snapshot import read_snapshot
from streams.admin import Finding, find_topics
from streams.doctor import verdicts
from streams.doctor.verdicts import Held, Model, Verdict
from streams.logs import hushed
from streams.producers import WITHOUT
from streams.security import client_options
from streams.settings import Settings
from streams.topics import topics_of

#: Records from the end of a partition among which the last one is looked for, markers between.
TAIL = 20
POLL_MS = 1_000
#: Seconds in which records that wait are looked for; a log may end in transaction markers.
PROBE = 2.0
PATIENCE = 30.0

Check = Callable[[], Iterable[Verdict | None]]


class Examination:
    """Looks at one thing after the other.

    Parameters
    ----------
    client
        A connection to the broker's administration.
    settings
        The place.
    config
        The questions.
    wait
        Seconds between two looks at the committed offsets.
    """

    def __init__(
        self, client: KafkaAdminClient, settings: Settings, config: Config, wait: float
    ) -> None:
        self.client = client
        self.settings = settings
        self.config = config
        self.wait = wait
        self.topics = topics_of(settings)
        self.cluster: dict[str, Any] = client.describe_cluster()

    @property
    def brokers(self) -> int:
        """How many brokers there are."""
        return len(self.cluster["brokers"])

    def verdicts(self) -> Iterator[Verdict]:
        """Every verdict, as soon as it is known."""
        checks: dict[str, Check] = {
            "brokers": self._versions,
            "guarantee": self._guarantee,
            "topics": self._topics,
            "group": self._group,
            "progress": self._progress,
            "clocks": self._clocks,
            "models": self._models,
            "dead letters": self._letters,
        }
        missing = False
        for name, check in checks.items():
            if missing and name not in ("brokers", "guarantee", "topics"):
                continue
            try:
                for verdict in check():
                    if verdict is not None:
                        missing = missing or verdict.found == "is missing"
                        yield verdict
            except KafkaError as error:
                yield Verdict(name, "wrong", f"the broker refused: {error}", "see its rights")

    def _versions(self) -> Iterable[Verdict]:
        first = self.cluster["brokers"][0]["broker_id"]
        version = self.client.get_broker_version_data(first).broker_version
        yield verdicts.of_version(version, self.brokers)

    def _guarantee(self) -> Iterable[Verdict]:
        if self.settings.guarantee != "exactly_once":
            found = "at least once, in order, as PENCHANT_GUARANTEE asks for"
            yield Verdict("guarantee", "right", found)
            return
        problem = asyncio.run(transaction_problem(self.settings))
        advice = (
            f"the user needs write on transactional ids that start with PENCHANT_PREFIX; {WITHOUT}"
        )
        if problem is None:
            yield Verdict("guarantee", "right", "exactly once: transactions work")
        else:
            yield Verdict("guarantee", "wrong", f"no transaction: {problem}", advice)

    def _topics(self) -> Iterable[Verdict | None]:
        findings = find_topics(self.client, self.settings)
        there = [one.wanted.name for one in findings if one.partitions is not None]
        described = (
            {one["name"]: one for one in self.client.describe_topics(there)} if there else {}
        )
        found = [
            verdict
            for finding in findings
            for verdict in self._topic(finding, described.get(finding.wanted.name))
            if verdict is not None
        ]
        if verdicts.worst_of(found) != "wrong":
            said = f"all {len(findings)} are as they have to be"
            found.append(Verdict("topics", "right", said))
        return found

    def _topic(self, finding: Finding, known: dict[str, Any] | None) -> Iterator[Verdict | None]:
        name, partitions = finding.wanted.name, (known or {}).get("partitions", [])
        leaderless = sum(one["leader_id"] < 0 for one in partitions)
        lagging = sum(len(one["isr_nodes"]) < len(one["replica_nodes"]) for one in partitions)
        yield from verdicts.of_partitions(name, finding.problem, leaderless, lagging)
        if known is None:
            return
        replicas = min(len(one["replica_nodes"]) for one in partitions)
        yield verdicts.of_replicas(name, replicas, self.brokers)
        allowed, needed = known["authorized_operations"], finding.wanted.rights
        yield verdicts.of_rights(f"topic {name}", allowed, needed)
        if name in (self.topics.profiles, self.topics.tickets, self.topics.trainers):
            resource = ConfigResource(ConfigResourceType.TOPIC, name)
            configs = self.client.describe_configs([resource], config_filter="all")["topic"][name]
            if "cleanup.policy" not in configs:  # no refusal: the broker leaves out what is hidden
                yield verdicts.of_hidden(name)
                return
            yield verdicts.of_cleanup(name, configs["cleanup.policy"]["value"])
            in_sync = configs.get("min.insync.replicas", {}).get("value")
            yield verdicts.of_in_sync(name, replicas, int(in_sync or 1))

    def _group(self) -> Iterable[Verdict | None]:
        group = self.settings.prefix
        described = self._patiently(lambda: self._described(group))
        if described is None:
            yield Verdict(f"group {group}", "right", "this broker cannot say who is in it")
            return
        members = described.get("members") or []
        yield verdicts.of_group(group, described.get("group_state", ""), len(members))
        allowed = described.get("authorized_operations")
        yield verdicts.of_rights(f"group {group}", allowed, {"DESCRIBE", "READ"})

    def _progress(self) -> Iterable[Verdict | None]:
        sources = sorted(self.topics.sources)
        ends = {topic: self._ends(topic) for topic in sources}
        stable = {topic: self._stable(topic) for topic in sources}
        before = self._committed()
        time.sleep(self.wait)
        after = self._committed()
        for topic in sources:
            done = after.get(topic, {})
            waiting = self._waiting(topic, ends[topic], done)
            yield verdicts.of_progress(topic, waiting, before.get(topic, {}), done, self.wait)
            yield verdicts.of_held(topic, self._held(topic, ends[topic], stable[topic]), self.wait)

    def _held(self, topic: str, ends: dict[int, int], stable: dict[int, int]) -> list[Held]:
        """Partitions that a transaction has held up from the first look on."""
        held = {
            TopicPartition(topic, number): offset
            for number, offset in self._stable(topic).items()
            if offset == stable.get(number) and offset < ends[number]
        }
        openers = self._openers(held) if held else {}
        return [
            Held(place.partition, ends[place.partition] - offset, offset, *openers.get(place, ()))
            for place, offset in sorted(held.items())
        ]

    def _openers(self, places: Mapping[Any, int]) -> dict[Any, tuple[int, float]]:
        """Who holds up a partition, and the seconds since it last wrote."""
        try:
            found = self.client.describe_producers(places)
        except IncompatibleBrokerVersion:  # older than 2.8: it cannot be asked
            return {}
        return {
            place: (one.producer_id, time.time() - one.last_timestamp / 1000)
            for place, known in found.items()
            for one in known.active_producers
            if one.current_transaction_start_offset == places[place]
        }

    def _waiting(self, topic: str, ends: dict[int, int], done: dict[int, int]) -> dict[int, int]:
        """Partition -> offsets to its end, where there are records and not markers only."""
        short = {number: end - done.get(number, 0) for number, end in ends.items()}
        short = {number: offsets for number, offsets in short.items() if offsets > 0}
        found: set[int] = set()
        with self._consumer() as consumer:
            consumer.assign([TopicPartition(topic, number) for number in short])
            for number in short:
                consumer.seek(TopicPartition(topic, number), done.get(number, 0))
            deadline = time.monotonic() + PROBE
            while found < short.keys() and time.monotonic() < deadline:
                found |= {place.partition for place in consumer.poll(timeout_ms=200)}
        return {number: short[number] for number in found}

    def _clocks(self) -> Iterable[Verdict]:
        stamps = [one.timestamp for one in self._last_records(self.topics.events)]
        stamps += [one.timestamp for one in self._last_records(self.topics.models)]
        ahead = max(stamps) / 1000 - time.time() if stamps else None
        yield verdicts.of_clock(ahead)

    def _models(self) -> Iterable[Verdict]:
        newest: dict[str, Model] = {}
        with self._consumer() as consumer:
            for record in _all_of(consumer, self.topics.models):
                model = _model_of(record)
                if model is not None:
                    newest[model[0]] = model[1]
        for goal in Compiled(self.config).goals:
            yield verdicts.of_model(goal.name, goal.version, newest.get(goal.name))

    def _letters(self) -> Iterable[Verdict]:
        ends = self._offsets(self.topics.dlq, OffsetSpec.LATEST)
        starts = self._offsets(self.topics.dlq, OffsetSpec.EARLIEST)
        yield verdicts.of_letters(sum(ends[number] - starts[number] for number in ends))

    def _described(self, group: str) -> dict[str, Any] | None:
        try:
            found = self.client.describe_groups([group], include_authorized_operations=True)
        except ValueError:  # the embedded broker names operations that do not exist
            return None
        answer: dict[str, Any] = found[group]
        return answer

    # -- what the broker says ----------------------------------------------------------------

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        """An answer of the group's coordinator, which a new cluster has yet to choose."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return ask()
            except CoordinatorNotAvailableError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def _committed(self) -> dict[str, dict[int, int]]:
        group = self.settings.prefix
        found = self._patiently(lambda: self.client.list_group_offsets(group))[group]
        committed: dict[str, dict[int, int]] = {}
        for place, offset in found.items():
            committed.setdefault(place.topic, {})[place.partition] = offset.offset
        return committed

    def _ends(self, topic: str) -> dict[int, int]:
        return self._offsets(topic, OffsetSpec.LATEST)

    def _stable(self, topic: str) -> dict[int, int]:
        """Where readers of committed records may read up to; nothing where workers read all."""
        if self.settings.guarantee != "exactly_once":
            return {}
        return self._offsets(topic, OffsetSpec.LATEST, IsolationLevel.READ_COMMITTED)

    def _offsets(
        self,
        topic: str,
        which: OffsetSpec,
        isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
    ) -> dict[int, int]:
        (described,) = self.client.describe_topics([topic])
        places = [TopicPartition(topic, one["partition_index"]) for one in described["partitions"]]
        found: Mapping[Any, Any] = self.client.list_partition_offsets(
            dict.fromkeys(places, which), isolation_level=isolation
        )
        return {place.partition: offset.offset for place, offset in found.items()}

    def _consumer(self) -> Any:
        return _Closing(
            KafkaConsumer(
                enable_auto_commit=False, isolation_level="read_committed",
                consumer_timeout_ms=POLL_MS, **client_options(self.settings),
            )
        )  # fmt: skip

    def _last_records(self, topic: str) -> list[Any]:
        """The last record of each partition that has one."""
        last: dict[int, Any] = {}
        with self._consumer() as consumer:
            for record in _all_of(consumer, topic, TAIL):
                last[record.partition] = record
        return list(last.values())


class _Closing:
    """A consumer that is closed at the end of a block."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer

    def __enter__(self) -> KafkaConsumer:
        return self._consumer

    def __exit__(self, *_: object) -> None:
        self._consumer.close()


def _all_of(consumer: KafkaConsumer, topic: str, tail: int | None = None) -> Iterator[Any]:
    """Records of a topic: all, or those of the last offsets of each partition."""
    numbers = consumer.partitions_for_topic(topic) or set()
    places = [TopicPartition(topic, number) for number in numbers]
    consumer.assign(places)
    ends = consumer.end_offsets(places)
    starts = consumer.beginning_offsets(places)
    for place in places:
        first = starts[place] if tail is None else max(starts[place], ends[place] - tail)
        consumer.seek(place, first)
    yield from consumer


def _model_of(record: Any) -> tuple[str, Model] | None:
    """A goal's name and its model; None for what is no snapshot, whatever its key says."""
    try:
        snapshot = read_snapshot(record.value or b"")
    except SnapshotError:
        return None
    age = time.time() - record.timestamp / 1000
    return snapshot.goal, Model(snapshot.goal_version, snapshot.version, snapshot.examples, age)


async def transaction_problem(settings: Settings) -> str | None:
    """Why a transaction cannot be begun and ended; None when it can. Nothing is written."""
    with hushed("aiokafka"):  # what it reports is the verdict
        return await _transaction_problem(settings)


async def _transaction_problem(settings: Settings) -> str | None:
    producer = AIOKafkaProducer(
        transactional_id=f"{settings.prefix}-doctor", request_timeout_ms=int(PATIENCE * 1000),
        **client_options(settings),
    )  # fmt: skip
    try:
        await asyncio.wait_for(producer.start(), PATIENCE)
        await producer.begin_transaction()
        await producer.abort_transaction()
    except TimeoutError:
        return f"no answer within {PATIENCE:.0f} s"
    except Exception as error:  # noqa: BLE001 - aiokafka raises plain KafkaErrors and more
        return f"{type(error).__name__} {error}".strip()
    finally:
        await producer.stop()
    return None
