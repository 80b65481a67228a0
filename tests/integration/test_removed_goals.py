"""A goal is taken out of the configuration, on Apache Kafka: what was said for it is withdrawn."""

from __future__ import annotations

import pytest

from models.config.durations import DAY
from tests.support.cluster import Cluster, keyed, until
from tests.support.factories import START, event, habits
from tests.support.left import handled
from tests.support.questions import AT_ONCE

pytestmark = pytest.mark.kafka

BOTH = (
    AT_ONCE
    + """\
  coupon:
    propensity: conversion
    outcome: {will: {where: {field: type, equals: coupon}}, within: 1d}
    tickets: {every: 12h}
    emit_from: collecting
"""
)
PROFILES, DAYS = 40, 4
PEOPLE = [f"p{number}" for number in range(PROFILES)]


def latest(kafka: Cluster, topic: str) -> dict[str, bytes | None]:
    return {record.key.decode(): record.value for record in kafka.read(topic)}


def standing(kafka: Cluster) -> set[str]:
    return {key for key, value in latest(kafka, kafka.topics.scores).items() if value is not None}


def scored_for(*goals: str) -> set[str]:
    return {f"{goal}/{name}" for goal in goals for name in PEOPLE}


def test_its_scores_and_its_snapshot_are_withdrawn_without_an_event_and_others_stay(
    kafka: Cluster,
) -> None:
    log = habits(profiles=PROFILES, days=DAYS)
    worker = kafka.worker(BOTH).start().wait_ready()
    kafka.send(keyed(log))
    until(lambda: handled(worker) == len(log), "the events")
    versions = [f"penchant_model_version/{goal}" for goal in ("churn", "coupon")]
    until(lambda: all(worker.metrics().get(one, 0) > 0 for one in versions), "both models")
    kafka.send(keyed(event(name, START + DAYS * DAY) for name in PEOPLE))
    until(lambda: standing(kafka) == scored_for("churn", "coupon"), "scores of both goals")
    assert worker.stop() == 0
    changed = kafka.worker(AT_ONCE).start().wait_ready()
    until(lambda: standing(kafka) == scored_for("churn"), "its scores to be withdrawn")
    until(lambda: latest(kafka, kafka.topics.models)["coupon"] is None, "and its snapshot")
    assert latest(kafka, kafka.topics.models)["churn"] is not None
    assert latest(kafka, kafka.topics.insights)["coupon"] is None
    assert changed.metrics()["penchant_scores_withdrawn_total"] == PROFILES
    assert changed.stop() == 0
