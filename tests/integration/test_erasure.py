"""Erasures on Apache Kafka while the worker is killed in the middle of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import orjson
import pytest

from models.config.durations import DAY
from models.goals.tickets import split_key
from models.profiles.codec import unpack
from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.factories import START, event, habits
from tests.support.left import handled
from tests.support.questions import AT_ONCE

pytestmark = pytest.mark.kafka

PROFILES, DAYS = 300, 4
KILLS = 2
#: Profiles of whom something is heard again after they were erased.
BACK = [f"p{number}" for number in range(0, PROFILES, 10)]
LATER = START + (DAYS + 1) * DAY


def erased(worker: Worker) -> float:
    return worker.metrics().get("penchant_events_total/erased", 0.0)


def test_erasures_cut_short_by_kills_are_whole_in_the_end_with_one_receipt_each(
    kafka: Cluster,
) -> None:
    """One run, looked at from every side."""
    held = everybody_is_known_and_scored(kafka)
    kafka.send((f"p{number}".encode(), None) for number in range(PROFILES))
    receipts_seen = killed_in_the_middle(kafka)
    kafka.send(keyed(event(name, LATER) for name in BACK))
    last = kafka.worker(AT_ONCE).start().wait_ready()
    ends = Counter(record.partition for record in kafka.read(kafka.topics.events))
    until(lambda: kafka.committed() == dict(ends), "everything to be committed")
    assert last.stop() == 0
    assert receipts_seen == sorted(set(receipts_seen))
    assert 0 < receipts_seen[0] < receipts_seen[-1] < PROFILES
    every_erasure_has_one_receipt(kafka, held)
    nothing_of_the_erased_is_left(kafka)
    who_came_back_is_new(kafka)


def everybody_is_known_and_scored(kafka: Cluster) -> dict[bytes, set[int]]:
    """Events of everybody, so that there are scores and tickets; the tickets."""
    log = habits(profiles=PROFILES, days=DAYS)
    worker = kafka.worker(AT_ONCE).start().wait_ready()
    kafka.send(keyed(log))
    until(lambda: handled(worker) == len(log), "the events")
    until(lambda: kafka.read(kafka.topics.models), "a model")
    again = [event(f"p{number}", START + DAYS * DAY) for number in range(PROFILES)]
    until(lambda: worker.metrics().get("penchant_model_version/churn", 0) > 0, "its adoption")
    kafka.send(keyed(again))
    until(lambda: handled(worker) == len(log) + PROFILES, "an event of everybody")
    assert worker.stop() == 0
    said = latest(kafka, kafka.topics.scores)
    assert {key.decode() for key in said} == {f"churn/p{number}" for number in range(PROFILES)}
    assert all(said.values())
    held = open_tickets(kafka)
    assert len(held) > PROFILES / 2
    return held


def killed_in_the_middle(kafka: Cluster) -> list[int]:
    """Workers that erase profile by profile, each killed at it; the receipts there were then."""
    worker, seen = kafka.worker(AT_ONCE, run_records="1"), []
    for _ in range(KILLS):
        worker.start().wait_ready()
        until(lambda: erased(worker) >= PROFILES / 10 or not worker.alive, "some erasures")
        worker.kill()
        seen.append(len(kafka.read(kafka.topics.erasures)))
    return seen


def latest(kafka: Cluster, topic: str) -> dict[bytes, Any]:
    return {record.key: record.value for record in kafka.read(topic)}


def open_tickets(kafka: Cluster) -> dict[bytes, set[int]]:
    found = defaultdict(set)
    for key, value in latest(kafka, kafka.topics.tickets).items():
        if value is not None:
            profile, _, t0 = split_key(key)
            found[profile].add(t0)
    return found


def every_erasure_has_one_receipt(kafka: Cluster, held: dict[bytes, set[int]]) -> None:
    asked = {
        (record.key, record.partition, record.offset)
        for record in kafka.read(kafka.topics.events)
        if record.value is None
    }
    receipts = [(one.key, orjson.loads(one.value)) for one in kafka.read(kafka.topics.erasures)]
    given = [
        (key, receipt["source"]["partition"], receipt["source"]["offset"])
        for key, receipt in receipts
    ]
    assert len(given) == PROFILES
    assert set(given) == asked
    for key, receipt in receipts:
        assert receipt["known"]
        assert receipt["tickets"] == len(held.get(key, ()))


def nothing_of_the_erased_is_left(kafka: Cluster) -> None:
    profiles = latest(kafka, kafka.topics.profiles)
    held = {key.decode() for key, value in profiles.items() if value and key[:1] == b"p"}
    assert held == set(BACK)
    assert all(t0 >= LATER for times in open_tickets(kafka).values() for t0 in times)
    history = defaultdict(list)
    for record in kafka.read(kafka.topics.scores):
        history[record.key.decode()].append(record.value)
    for number in range(PROFILES):
        said = history[f"churn/p{number}"]
        assert said.count(None) == 1
        assert (said[-1] is None) == (f"p{number}" not in BACK)


def who_came_back_is_new(kafka: Cluster) -> None:
    profiles, scores = latest(kafka, kafka.topics.profiles), latest(kafka, kafka.topics.scores)
    for name in BACK:
        profile = unpack(profiles[name.encode()])
        assert (profile.first, profile.last) == (LATER, LATER)
        assert len(profile.recent) == 8
        assert orjson.loads(scores[f"churn/{name}".encode()]).get("previous") is None
