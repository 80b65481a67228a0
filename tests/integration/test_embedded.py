"""End to end on the embedded broker, with a worker in a process of its own."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from typing import Any

import orjson
import pytest
from aiokafka.partitioner import DefaultPartitioner
from prometheus_client import CollectorRegistry

from models.config.loader import load_config
from models.engine import Engine
from models.events.times import parse_time
from models.learning.trainer import trainers_of
from models.profiles.codec import unpack
from streams.metrics import Metrics
from streams.security import client_options
from streams.snapshots import SnapshotReader
from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.factories import START, event, habits
from tests.support.left import handled
from tests.support.questions import churn, churn_and_coupon

pytestmark = pytest.mark.embedded

CONFIG = churn_and_coupon()
BAD = [
    (b"p1", b"{", "not_json"),
    (None, orjson.dumps(event("p1")), "missing_key"),
    (b"p2", orjson.dumps(event("p1")), "key_mismatch"),
    (b"p1", orjson.dumps(event("p1") | {"type": ""}), "bad_text"),
    (b"p1", orjson.dumps(event("p1") | {"timestamp": 4_102_444_800_000}), "future"),
]


@pytest.fixture(scope="module")
def log() -> list[dict[str, Any]]:
    return habits(profiles=40, days=40, start=START)


@pytest.fixture
def lived(embedded: Cluster, log: list[dict[str, Any]]) -> tuple[Cluster, Worker]:
    worker = embedded.worker(CONFIG).start().wait_ready()
    half = len(log) // 2
    embedded.send(keyed(log[:half]))
    embedded.send((key, value) for key, value, _ in BAD)
    until(lambda: handled(worker) >= half, "the first half to be handled")
    until(lambda: speaks(worker), "both goals to have a model that speaks")
    embedded.send(keyed(log[half:]))
    until(lambda: handled(worker) >= len(log) + len(BAD), "all events to be handled")
    examples = len(embedded.read(embedded.topics.examples))
    until(lambda: learned(worker) >= examples and speaks(worker), "all examples to be learned")
    return embedded, worker


def speaks(worker: Worker) -> bool:
    """Whether the scorer has a snapshot of both goals from after all examples so far."""
    metrics = worker.metrics()
    return all(
        metrics.get(f"penchant_goal_status/{goal}/collecting") == 0
        and metrics.get(f"penchant_model_version/{goal}")
        == metrics.get(f"penchant_examples_total/{goal}/learned")
        for goal in ("churn", "coupon")
    )


def learned(worker: Worker) -> float:
    metrics = worker.metrics()
    return sum(value for name, value in metrics.items() if name.startswith("penchant_examples_t"))


def test_a_worker_from_events_to_scores(
    lived: tuple[Cluster, Worker], log: list[dict[str, Any]]
) -> None:
    """One run, looked at from every side: starting a worker takes longer than looking."""
    cluster, worker = lived
    metrics = worker.metrics()
    every_valid_event_is_applied_once(metrics, log)
    every_refused_record_is_a_dead_letter_with_its_reason(cluster)
    every_touched_profile_has_a_score_newer_than_its_last_event(cluster, log)
    scores_are_keyed_and_partitioned_like_the_events(cluster)
    every_example_was_learned_once(cluster, metrics)
    a_scorer_started_later_picks_up_the_latest_snapshot(cluster)
    nothing_inside_a_worker_is_shown_but_its_metrics_and_health(worker)
    assert worker.stop() == 0


def nothing_inside_a_worker_is_shown_but_its_metrics_and_health(worker: Worker) -> None:
    assert all(worker.get(path) is not None for path in ("/metrics", "/livez", "/readyz"))
    pages = ("/table/", "/router/", "/graph/", "/stats/", "/performance/", "/tables/profiles/")
    assert not [path for path in pages if worker.get(path) is not None]


def every_valid_event_is_applied_once(metrics: dict[str, float], log: list[Any]) -> None:
    assert metrics["penchant_events_total/applied"] == len(log)
    assert metrics["penchant_events_total/refused"] == len(BAD)
    assert metrics["penchant_events_total/replayed"] == 0


def every_refused_record_is_a_dead_letter_with_its_reason(cluster: Cluster) -> None:
    letters = cluster.read(cluster.topics.dlq)
    found = Counter(dict(letter.headers)["reason"].decode() for letter in letters)
    assert found == Counter(reason for _, _, reason in BAD)
    values = {(dict(one.headers)["reason"].decode(), one.key, one.value) for one in letters}
    assert values == {(reason, key, value) for key, value, reason in BAD}
    for letter in letters:
        headers = dict(letter.headers)
        assert headers["source_topic"].decode() == cluster.topics.events
        assert int(headers["source_partition"]) == letter.partition
        assert int(headers["source_offset"]) >= 0
        assert headers["failed_at"]
        assert headers["message"]


def every_touched_profile_has_a_score_newer_than_its_last_event(
    cluster: Cluster, log: list[dict[str, Any]]
) -> None:
    latest = {record.key: record.value for record in cluster.read(cluster.topics.scores)}
    last = {one["profile_id"]: one["timestamp"] for one in log}
    for profile, at in last.items():
        for goal in ("churn", "coupon"):
            score = orjson.loads(latest[f"{goal}/{profile}".encode()])
            assert parse_time(score["timestamp"]) >= at
            assert score["profile_id"] == profile


def scores_are_keyed_and_partitioned_like_the_events(cluster: Cluster) -> None:
    partitions = list(range(cluster.settings.partitions))
    choose = DefaultPartitioner()
    records = cluster.read(cluster.topics.scores)
    assert len(records) >= 2 * 40
    for record in records:
        profile = record.key.partition(b"/")[2]
        assert record.partition == choose(profile, partitions, partitions)


def every_example_was_learned_once(cluster: Cluster, metrics: dict[str, float]) -> None:
    examples = [orjson.loads(record.value) for record in cluster.read(cluster.topics.examples)]
    assert len({one["ticket_id"] for one in examples}) == len(examples) > 1_000
    by_goal = Counter(one["goal"] for one in examples)
    for goal, count in by_goal.items():
        assert metrics[f"penchant_examples_total/{goal}/learned"] == count
        snapshots = [
            orjson.loads(one.value)
            for one in cluster.read(cluster.topics.models)
            if one.key.decode() == goal
        ]
        assert snapshots[-1]["examples"] == count
        insight = [
            orjson.loads(one.value)
            for one in cluster.read(cluster.topics.insights)
            if one.key.decode() == goal
        ][-1]
        assert insight["examples"] == count
        assert insight["status"] in ("ready", "degraded")


def caught_up(cluster: Cluster, metrics: Metrics) -> Engine:
    """An engine that has read the models topic from its beginning."""
    engine = Engine(load_config(CONFIG, "goals.yaml"))
    reader = SnapshotReader(
        cluster.topics.models, engine, metrics, client_options(cluster.settings), committed=False
    )

    async def catch_up() -> None:
        reading = asyncio.create_task(reader.run())
        await asyncio.wait_for(reader.wait_caught_up(), 30)
        reading.cancel()

    asyncio.run(catch_up())
    return engine


def test_the_last_good_snapshot_stays_whatever_comes_after_it_before_a_start(
    embedded: Cluster,
) -> None:
    snapshot = trainers_of(load_config(CONFIG, "goals.yaml"))["churn"].snapshot()
    good = [snapshot.model_copy(update={"version": version}) for version in (1, 2)]
    poison = orjson.loads(snapshot.model_dump_json()) | {"version": 3, "base_rate": 2.0}
    sent = [one.model_dump_json().encode() for one in good] + [orjson.dumps(poison), b"{"]
    embedded.send([(b"churn", value) for value in sent], embedded.topics.models)
    metrics = Metrics(CollectorRegistry())
    engine = caught_up(embedded, metrics)
    (goal,) = [goal for goal in engine.compiled.goals if goal.name == "churn"]
    scorer = engine.board.scorer(goal)
    assert scorer is not None
    assert scorer.snapshot.version == 2
    assert metrics.snapshots_refused._value.get() == 2


def a_scorer_started_later_picks_up_the_latest_snapshot(cluster: Cluster) -> None:
    engine = caught_up(cluster, Metrics(CollectorRegistry()))
    for goal in engine.compiled.goals:
        scorer = engine.board.scorer(goal)
        assert scorer is not None
        last = [one for one in cluster.read(cluster.topics.models) if one.key == goal.name.encode()]
        assert scorer.snapshot.version == orjson.loads(last[-1].value)["version"]


def test_states_in_the_changelog_are_those_of_the_events(embedded: Cluster) -> None:
    log = habits(profiles=10, days=6, start=START)
    worker = embedded.worker(CONFIG).start().wait_ready()
    embedded.send(keyed(log))
    until(lambda: handled(worker) >= len(log), "all events to be handled")
    rows = {record.key: record.value for record in embedded.read(embedded.topics.profiles)}
    for profile in {one["profile_id"] for one in log}:
        own = [one for one in log if one["profile_id"] == profile]
        state = unpack(rows[profile.encode()])
        assert (state.first, state.last) == (own[0]["timestamp"], own[-1]["timestamp"])
        assert state.days.number == len({one["timestamp"] // 86_400_000 for one in own})


def test_a_quiet_partition_lives_on_with_the_wall_though_its_worker_is_another(
    embedded: Cluster,
) -> None:
    first = embedded.worker(churn(idle_after="1s")).start().wait_ready()
    embedded.send(keyed([event("p1", START), event("p2", START)]))
    until(lambda: handled(first) == 2, "the events to be handled")
    assert first.stop() == 0
    second = embedded.worker(churn(idle_after="1s")).start()
    until(lambda: latest_clock(second) > START / 1000 + 3, "its clock to go on")
    assert handled(second) == 0
    assert second.stop() == 0


@pytest.mark.usefixtures("interrupts")
def test_an_interrupted_worker_ends_as_one_that_is_told_to_stop(embedded: Cluster) -> None:
    worker = embedded.worker(churn()).start().wait_ready()
    worker.send_signal(signal.SIGINT)
    assert worker.process is not None
    assert worker.process.wait(60) == 0
    assert "Traceback" not in worker.log.read_text()


def latest_clock(worker: Worker) -> float:
    name = "penchant_clock_timestamp_seconds/"
    return max(
        (value for key, value in worker.metrics().items() if key.startswith(name)), default=0
    )
