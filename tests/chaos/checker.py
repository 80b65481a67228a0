"""What must be true afterwards, worked out from the topics without any code of the engine.

Every count is a number of violations; all of them have to be zero. A state is read as what it is on
the wire (a version byte and MessagePack), an event as JSON, and counters, tickets and labels follow
from their definitions.
"""

from __future__ import annotations

import json
import math
import struct
from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.chaos.log import Sample, visit
from tests.support.cluster import Cluster
from tests.support.naive import NaiveGoal, moment

HOUR = 3_600_000
DAY = 24 * HOUR
HALF_LIFE = 90 * DAY
#: Rows of the table that are no profiles start with it.
OWN = b"\x00"
#: The questions of tests.chaos.load.CONFIG, said again: what is waited for, and its polarity.
GOALS = {
    "churn": (NaiveGoal("churn", 6 * HOUR, DAY, lambda _: False), "basket", False),
    "coupon": (NaiveGoal("coupon", 12 * HOUR, 2 * DAY, lambda _: False), "coupon", True),
}

Event = tuple[int, int, bool]


@dataclass
class Source:
    """The events of a partition by profile: (offset, time, whether it is a basket)."""

    profiles: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    ids: set[str] = field(default_factory=set)
    last: int = -1
    number: int = 0


def read_sources(cluster: Cluster) -> tuple[dict[int, Source], dict[int, int]]:
    """All events, and the ends of the partitions."""
    sources: dict[int, Source] = defaultdict(Source)

    def look(record: Any) -> None:
        fields, source = json.loads(record.value), sources[record.partition]
        kept = (record.offset, fields["timestamp"], fields["type"] == "basket")
        source.profiles[fields["profile_id"]].append(kept)
        source.ids.add(fields["event_id"])
        source.last = max(source.last, fields["timestamp"])
        source.number += 1

    return sources, visit(cluster, cluster.topics.events, look)


class Checker:
    """Counts violations.

    Parameters
    ----------
    cluster
        After everything has been handled.
    sent
        How many events were sent.
    samples
        What was committed while it went on.
    speaking
        Committed offsets from which on every event had to be answered by scores.
    """

    def __init__(
        self, cluster: Cluster, sent: int, samples: list[Sample], speaking: dict[int, int]
    ) -> None:
        self.cluster = cluster
        self.sent = sent
        self.samples = samples
        self.speaking = speaking
        self.sources, self.ends = read_sources(cluster)
        self.found: Counter[str] = Counter()
        self.facts: Counter[str] = Counter()
        self.examples: list[Any] = []

    def check(self) -> dict[str, int]:
        """Every kind of violation with its number."""
        self._events()
        self._states()
        self._tickets()
        self._scores()
        return {name: self.found[name] for name in sorted(self.found)}

    def _events(self) -> None:
        """The load itself is sound: every event once; and all of it is committed."""
        number = sum(source.number for source in self.sources.values())
        self.facts["events"] = number
        self.found["load lost or doubled"] = abs(number - self.sent)
        self.found["load repeated"] = number - sum(len(one.ids) for one in self.sources.values())
        self.found["not committed"] = sum(self.ends.values()) - sum(
            self.cluster.committed().values()
        )

    def _states(self) -> None:
        """Each profile's counters are those of each of its events counted once."""
        held: dict[tuple[int, bytes], bytes | None] = {}

        def look(record: Any) -> None:
            held[record.partition, record.key] = record.value

        visit(self.cluster, self.cluster.topics.profiles, look)
        for partition, source in self.sources.items():
            for profile, events in source.profiles.items():
                value = held.pop((partition, profile.encode()), None)
                self.found["states missing"] += value is None
                self.found["states wrong"] += value is not None and not _is_state_of(value, events)
        extra = [key for (_, key), value in held.items() if key[:1] != OWN and value is not None]
        self.found["states of nobody"] = len(extra)
        self.facts["profiles"] = sum(len(one.profiles) for one in self.sources.values())

    def _tickets(self) -> None:
        """Every ticket whose window is over was labelled right, once, and learned once."""
        expected: dict[str, dict[tuple[str, int], int]] = {name: {} for name in GOALS}
        still_open = 0
        for source in self.sources.values():
            for profile, events in source.profiles.items():
                for name in GOALS:
                    for t0, label in _tickets_of(name, profile, events, source.last):
                        if label is None:
                            still_open += 1
                        else:
                            expected[name][profile, t0] = label
        seen: Counter[tuple[str, str, int]] = Counter()

        def look(record: Any) -> None:
            fields = json.loads(record.value)
            goal, profile, t0 = fields["goal"], fields["profile_id"], _millis(fields["ticket_id"])
            seen[goal, profile, t0] += 1
            label = expected[goal].get((profile, t0))
            self.found["tickets of nobody"] += label is None
            self.found["labels wrong"] += label is not None and label != fields["label"]

        visit(self.cluster, self.cluster.topics.examples, look)
        for name, tickets in expected.items():
            self.facts[f"tickets of {name}"] = len(tickets)
            self.found["tickets lost"] += sum(not seen[name, *ticket] for ticket in tickets)
        self.found["tickets doubled"] = sum(count - 1 for count in seen.values())
        self._open(still_open)
        self._learned(expected)

    def _open(self, expected: int) -> None:
        """The table of tickets holds those that are open, and no other."""
        held: dict[bytes, bytes | None] = {}
        visit(
            self.cluster, self.cluster.topics.tickets,
            lambda record: held.__setitem__(record.key, record.value),
        )  # fmt: skip
        found = sum(value is not None for value in held.values())
        self.found["open tickets too many or few"] = abs(found - expected)

    def _learned(self, expected: dict[str, dict[tuple[str, int], int]]) -> None:
        latest: dict[str, dict[str, Any]] = {}
        versions: Counter[tuple[str, int]] = Counter()

        def look(record: Any) -> None:
            snapshot = json.loads(record.value)
            latest[snapshot["goal"]] = snapshot
            versions[snapshot["goal"], snapshot["version"]] += 1

        visit(self.cluster, self.cluster.topics.models, look)
        for goal, tickets in expected.items():
            learned = latest[goal]
            self.found["not trained once"] += abs(learned["examples"] - len(tickets))
            self.found["positives wrong"] += abs(learned["positives"] - sum(tickets.values()))
        self.found["snapshots doubled"] = sum(count - 1 for count in versions.values())

    def _scores(self) -> None:
        """Every score is of a state that was, none is there twice, and none is missing."""
        offsets = {
            (partition, profile): [offset for offset, _, _ in events]
            for partition, source in self.sources.items()
            for profile, events in source.profiles.items()
        }
        last: dict[tuple[int, str, str], tuple[int, str]] = {}
        samples = defaultdict(list)
        for sample in sorted(self.samples, key=lambda one: one.scores_end, reverse=True):
            samples[sample.partition].append(sample)

        def due(partition: int, position: int) -> None:
            """Look at the samples whose end comes before a position."""
            while samples[partition] and samples[partition][-1].scores_end <= position:
                self._answered(samples[partition].pop(), last, offsets)

        def look(record: Any) -> None:
            due(record.partition, record.offset)
            goal, _, profile = record.key.decode().partition("/")
            fields = json.loads(record.value)
            place, said = fields["source"], (fields["source"]["offset"], fields["timestamp"])
            own = offsets.get((record.partition, profile), [])
            at = bisect_right(own, said[0]) - 1
            is_own = at >= 0 and own[at] == said[0] and place["partition"] == record.partition
            self.found["scores of no state"] += not is_own
            before = last.get((record.partition, goal, profile))
            self.found["scores doubled or set back"] += before is not None and before >= said
            last[record.partition, goal, profile] = said
            self.facts["scores"] += 1

        visit(self.cluster, self.cluster.topics.scores, look)
        for partition, source in self.sources.items():
            due(partition, 1 << 62)
            final = Sample(partition, self.ends[partition], 1 << 62)
            self._answered(final, last, offsets)
            self.found["scores missing"] += sum(
                last.get((partition, goal, profile), (-1, ""))[0] != events[-1][0]
                for profile, events in source.profiles.items()
                for goal in GOALS
                if events[-1][0] >= self.speaking[partition]
            )

    def _answered(self, sample: Sample, last: Any, offsets: Any) -> None:
        """Of every event below the committed offset, its profile has a score that knows of it."""
        self.facts["samples"] += 1
        for profile in self.sources[sample.partition].profiles:
            own = offsets[sample.partition, profile]
            at = bisect_right(own, sample.committed - 1) - 1
            if at < 0 or own[at] < self.speaking[sample.partition]:
                continue
            for goal in GOALS:
                known = last.get((sample.partition, goal, profile), (-1, ""))[0]
                self.found["committed past unprocessed work"] += known < own[at]
                if known < own[at]:
                    self.examples.append([*sample, profile, goal, own[at], known])


def _is_state_of(value: bytes, events: list[Event]) -> bool:
    offset, first, latest, _, _, sources, rows, *_ = msgspec.msgpack.decode(value[1:])
    times = [at for _, at, _ in events]
    if (offset, first, latest) != (events[-1][0], min(times), max(times)):
        return False
    for number, source in enumerate(sources):
        own = [at for _, at, basket in events if basket == (source == "event/basket")]
        last, *counters = struct.unpack_from("<10d", rows, number * 80)
        expected = sum(0.5 ** ((max(own) - at) / HALF_LIFE) for at in own)
        if last != max(own) or not math.isclose(counters[4], expected, rel_tol=1e-9):
            return False
    return len(sources) == len({basket for _, _, basket in events})


def _tickets_of(name: str, profile: str, events: list[Event], until: int) -> Any:
    """Each T0 of a profile with its label; None while its window is open."""
    goal, waited_for, positive = GOALS[name]
    first = events[0][1]
    times = [at for _, at, basket in events if basket == (waited_for == "basket")]
    for period in range(first // goal.every, until // goal.every + 1):
        t0 = moment(goal, profile, period)
        if not first <= t0 < until:
            continue
        due = t0 + goal.window
        happened = bisect_right(times, due) > bisect_right(times, t0)
        yield t0, int(happened is positive) if due < until else None


def _millis(ticket_id: str) -> int:
    return int(ticket_id.rpartition("/")[2])
