"""``penchant topics`` says what the broker has and what is needed, and creates what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.topics import wanted_topics
from tests.streams.cli.running import goals, invoke, nowhere, place_of
from tests.support.cluster import Cluster


def test_wrong_settings_are_a_mistake_of_the_user(tmp_path: Path) -> None:
    ended = invoke("topics", goals(tmp_path), brokers="kafka", partitions="none")
    assert ended.code == 2
    assert "the environment: PENCHANT_BROKERS: found 'kafka', expected host:port" in ended.said
    assert "PENCHANT_PARTITIONS: found 'none', expected" in ended.said


def test_a_variable_that_is_nearly_a_setting_is_told(tmp_path: Path) -> None:
    ended = invoke("topics", goals(tmp_path), brokers=nowhere(), partition="4")
    assert "PENCHANT_PARTITION is no setting: is PENCHANT_PARTITIONS meant?" in ended.err


@pytest.mark.embedded
def test_missing_topics_are_created_when_asked_for(embedded: Cluster, tmp_path: Path) -> None:
    place = place_of(embedded) | {"prefix": embedded.settings.prefix + "x"}
    count = len(wanted_topics(embedded.settings))
    before = invoke("topics", goals(tmp_path), **place)
    assert before.code == 1
    assert before.out.count("missing") == count
    created = invoke("topics", goals(tmp_path), "--apply", **place)
    assert created.code == 0
    assert created.out.count("created") == count
    after = invoke("topics", goals(tmp_path), **place)
    assert after.code == 0
    assert after.out.count("right") == count


@pytest.mark.embedded
def test_a_wrong_number_of_partitions_is_shown_and_left_alone(
    embedded: Cluster, tmp_path: Path
) -> None:
    place = place_of(embedded) | {"partitions": "3"}
    ended = invoke("topics", goals(tmp_path), "--apply", **place)
    assert ended.code == 1
    one_each = [one for one in wanted_topics(embedded.settings) if one.partitions == 1]
    assert ended.out.count("has 2 partitions, needs 3") == len(
        wanted_topics(embedded.settings)
    ) - len(one_each)
    assert "created" not in ended.out
