"""The same events through the engine at one go, without Kafka: states must be byte-equal."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from models.config.loader import load_config
from models.engine import Engine
from models.goals.tickets import TicketBook
from models.partition import NOT_PROFILES, Partition
from models.profiles.codec import owed_to_events
from models.step import PlainRecord
from tests.chaos.load import CONFIG
from tests.chaos.log import visit
from tests.support.cluster import Cluster

RUN = 5_000


class Recomputation:
    """An engine over all partitions."""

    def __init__(self) -> None:
        self.engine = Engine(load_config(CONFIG, "goals.yaml"))
        self.partitions: dict[int, Partition] = {}
        self._waiting: dict[int, list[PlainRecord]] = defaultdict(list)

    def look(self, record: Any) -> None:
        """Take one record of the events topic."""
        waiting = self._waiting[record.partition]
        waiting.append(PlainRecord(record.key, record.value, record.offset))
        if len(waiting) >= RUN:
            self.flush(record.partition)

    def flush(self, number: int) -> None:
        """Apply what waits."""
        if number not in self.partitions:
            self.partitions[number] = self.engine.open(number, {}, TicketBook())
        partition = self.partitions[number]
        partition.apply(self.engine.step(partition, self._waiting.pop(number, [])))


def differing_states(cluster: Cluster) -> int:
    """How many profiles differ, by a byte or more, from the offline recomputation."""
    offline = Recomputation()
    visit(cluster, cluster.topics.events, offline.look)
    held: dict[tuple[int, bytes], bytes | None] = {}
    visit(
        cluster, cluster.topics.profiles,
        lambda record: held.__setitem__((record.partition, record.key), record.value),
    )  # fmt: skip
    expected: dict[tuple[int, bytes], bytes] = {}
    for number in range(cluster.settings.partitions):
        offline.flush(number)
        expected |= {
            (number, key): owed_to_events(value)
            for key, value in offline.partitions[number].profiles.items()
            if key not in NOT_PROFILES
        }
    found = {
        place: owed_to_events(value)
        for place, value in held.items()
        if value is not None and place[1] not in NOT_PROFILES
    }
    return sum(found.get(place) != expected.get(place) for place in found.keys() | expected.keys())
