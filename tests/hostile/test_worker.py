"""A worker under hostile records: nothing stops it, and what is good comes out as if alone."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from models.events.parsing import REASONS
from models.partition import NOT_PROFILES
from models.profiles.codec import unpack
from tests.hostile.records import hostile_records
from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.factories import START, Bench, config, event, records
from tests.support.left import handled
from tests.support.questions import churn_and_coupon

#: Hostile records; ``make hostile`` sends more.
NUMBER = int(os.environ.get("PENCHANT_HOSTILE", "3000"))
GOOD = NUMBER // 10
#: Bytes that the worker may grow by, however many they are.
ROOM = 200_000_000
#: Enough false times that agree move the clock by years (docs/security.md): nobody expires by it.
QUESTIONS = "profiles: {expire_after: null}\n" + churn_and_coupon()
Keyed = tuple[bytes | None, bytes | None]


#: In order on the embedded broker; on Apache Kafka in transactions, read when committed.
BROKERS = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("embedded", "kafka")]


@pytest.fixture(params=BROKERS)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    found: Cluster = request.getfixturevalue(request.param)
    return found


def mixed() -> tuple[list[Keyed], list[dict[str, Any]]]:
    """Hostile records with good ones among them; and the good ones."""
    good = [
        event(f"good{n % 9}", START + n * 60_000, properties={"amount": n % 50})
        for n in range(GOOD)
    ]
    drawn = hostile_records(seed=5)
    log: list[Keyed] = []
    for number in range(NUMBER):
        one = next(drawn)
        if one.key is not None or one.value is not None:  # a client does not send nothing
            log.append((one.key, one.value))
        if number % (NUMBER // GOOD) == 0:
            fields = good[number // (NUMBER // GOOD)]
            log.append((fields["profile_id"].encode(), orjson.dumps(fields)))
    return log, good


def test_a_worker_takes_thousands_of_hostile_records_in_its_stride(cluster: Cluster) -> None:
    """One run, looked at from every side."""
    log, good = mixed()
    worker = cluster.worker(QUESTIONS).start().wait_ready()
    before = resident(worker)
    cluster.send(log[: len(log) // 2])
    until(has_model(worker), "a model, with which the rest is scored", patience=60 + NUMBER / 50)
    cluster.send(log[len(log) // 2 :])
    until(
        lambda: handled(worker) >= len(log) or not worker.alive,
        "everything to be handled",
        patience=60 + NUMBER / 50,
    )
    cluster.send([(b"after", orjson.dumps(event("after", START)))])
    until(lambda: handled(worker) > len(log) or not worker.alive, "what comes after")
    assert worker.alive
    metrics = worker.metrics()
    assert resident(worker) < before + ROOM
    every_refused_record_is_a_letter_with_a_reason(cluster, metrics)
    good_profiles_are_as_if_they_had_been_alone(cluster, good)
    every_erasure_has_its_receipt(cluster, metrics, log)
    nothing_is_doubled(cluster)
    the_attack_is_seen_in_a_metric(metrics)
    nothing_of_it_is_in_the_logs(worker.log.read_text())
    assert worker.stop() == 0


def has_model(worker: Worker) -> Callable[[], bool]:
    """Whether something is scored with by now."""
    return lambda: worker.metrics().get("penchant_model_version/churn", 0) > 0


def resident(worker: Worker) -> float:
    return worker.metrics()["process_resident_memory_bytes"]


def every_refused_record_is_a_letter_with_a_reason(
    cluster: Cluster, metrics: dict[str, float]
) -> None:
    letters = [dict(letter.headers) for letter in cluster.read(cluster.topics.dlq)]
    found = Counter(letter["reason"].decode() for letter in letters)
    assert found.total() == metrics["penchant_events_total/refused"] > 1_000
    assert found.keys() == REASONS.keys()
    for reason, count in found.items():
        assert metrics[f"penchant_dead_letters_total/{reason}"] == count


def good_profiles_are_as_if_they_had_been_alone(
    cluster: Cluster, good: list[dict[str, Any]]
) -> None:
    alone = Bench(config(events={"value": "properties.amount"}))
    alone.run(records(good))
    rows = {record.key: record.value for record in cluster.read(cluster.topics.profiles)}
    for key, value in alone.partition.profiles.items():
        if key not in NOT_PROFILES:
            held, expected = unpack(rows[key]), unpack(value)
            assert (held.rows, held.days) == (expected.rows, expected.days)
    assert rows[b"after"] is not None


def every_erasure_has_its_receipt(
    cluster: Cluster, metrics: dict[str, float], log: list[Keyed]
) -> None:
    receipts = [(one.key, orjson.loads(one.value)) for one in cluster.read(cluster.topics.erasures)]
    asked = Counter(key for key, value in log if value is None)
    found = Counter(key for key, _ in receipts)
    assert metrics["penchant_events_total/erased"] == len(receipts)
    assert found == {key: count for key, count in asked.items() if key in (b"p1", b"p2", b"a/b")}
    for key, receipt in receipts:
        assert receipt["profile_id"].encode() == key
        assert receipt["source"]["topic"] == cluster.topics.events
        assert set(receipt["goals"]) == {"churn", "coupon"}


def nothing_is_doubled(cluster: Cluster) -> None:
    """Letters are told by the record that they are, receipts and scores by what they are of."""
    topics = cluster.topics
    letters = [dict(letter.headers) for letter in cluster.read(topics.dlq)]
    places = [tuple(one[f"source_{part}"] for part in ("partition", "offset")) for one in letters]
    assert len(set(places)) == len(places)
    for topic in (topics.erasures, topics.scores):
        said = [(one.key, orjson.loads(one.value)) for one in cluster.read(topic) if one.value]
        ids = Counter((key, *one["source"].values(), one.get("timestamp")) for key, one in said)
        assert ids.total() == len(ids) > 0


def the_attack_is_seen_in_a_metric(metrics: dict[str, float]) -> None:
    """Also where the records were taken: more types than a profile holds, times nobody believes."""
    assert metrics["penchant_bounded_events_total/pooled"] > 0
    assert metrics["penchant_bounded_events_total/unbelieved"] > 0


def nothing_of_it_is_in_the_logs(text: str) -> None:
    assert "Traceback" not in text
    assert "good1" not in text
    assert len(text) < 20_000


@pytest.mark.embedded
def test_headers_by_the_thousand_hurt_nobody(embedded: Cluster) -> None:
    """Half a megabyte of them on every event, a trace that is none among them."""
    worker = embedded.worker(churn_and_coupon()).start().wait_ready()
    before, log = resident(worker), [event(f"p{n}", START + n) for n in range(200)]
    bomb = [("x" * 100, b"\xff" * 150)] * 2_000 + [("traceparent", b"\xff" * 10_000), ("", b"")]
    embedded.send(keyed(log), headers=bomb)
    until(lambda: worker.metrics().get("penchant_events_total/applied") == 200, "all to be applied")
    assert resident(worker) < before + ROOM
    assert worker.stop() == 0
