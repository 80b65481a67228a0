"""Topics beside what they have to be like: said in words, created when missing, never altered."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from kafka.errors import CoordinatorNotAvailableError

from streams import admin
from streams.admin import (
    BrokerError,
    Finding,
    admin_client,
    create_topics,
    find_topics,
    require_group,
    require_topics,
    require_worker_topics,
)
from streams.settings import Settings
from streams.topics import Wanted, wanted_topics
from tests.support.cluster import Cluster


@pytest.mark.parametrize(
    ("needs", "has", "problem"),
    [
        (4, None, "missing"),
        (4, 4, None),
        (4, 2, "has 2 partitions, needs 4"),
        (1, 8, "has 8 partitions, needs 1"),
        (None, 3, None),
    ],
)
def test_what_is_wrong_with_a_topic_is_said_in_words(
    needs: int | None, has: int | None, problem: str | None
) -> None:
    assert Finding(Wanted("events", needs, {}), has).problem == problem


def test_a_right_is_asked_of_a_worker_and_not_of_who_only_looks_or_sends() -> None:
    wanted = Wanted("events", 4, {}, frozenset(("READ",)))
    finding = Finding(wanted, 4, lacking=("READ",))
    assert (finding.problem, finding.worker_problem) == (None, "not permitted (READ)")
    assert Finding(wanted, 2, lacking=("READ",)).worker_problem == "has 2 partitions, needs 4"
    assert Finding(wanted, 4).worker_problem is None


@pytest.mark.embedded
def test_topics_that_are_right_are_required_without_a_word(embedded: Cluster) -> None:
    require_topics(embedded.settings)
    require_worker_topics(embedded.settings)
    with admin_client(embedded.settings) as client:
        assert not [one.problem for one in find_topics(client, embedded.settings) if one.problem]


@pytest.mark.embedded
def test_every_topic_that_is_wrong_is_named(embedded: Cluster) -> None:
    more = embedded.settings.model_copy(update={"partitions": 3})
    with pytest.raises(BrokerError) as failed:
        require_topics(more)
    said = str(failed.value).splitlines()
    assert said[0] == "the topics are not as they have to be:"
    wrong = [one.name for one in wanted_topics(more) if one.partitions == 3]
    assert said[1:-1] == [f"  {name}: has 2 partitions, needs 3" for name in wrong]
    assert "set PENCHANT_PARTITIONS" in said[-1]


@pytest.mark.embedded
def test_missing_topics_are_created_beside_those_that_are_there(embedded: Cluster) -> None:
    """Another process may create one in the meantime."""
    settings = embedded.settings.model_copy(update={"events_topic": embedded.topics.events + ".v2"})
    with pytest.raises(BrokerError, match="--apply creates what is missing"):
        require_topics(settings)
    with admin_client(settings) as client:
        create_topics(client, settings, wanted_topics(settings))
        assert [one.problem for one in find_topics(client, settings)] == [None] * len(
            wanted_topics(settings)
        )
    require_topics(settings)


def test_a_group_that_no_broker_coordinates_is_said_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ask(_group: str) -> None:
        raise CoordinatorNotAvailableError

    monkeypatch.setattr(admin, "admin_client", lambda _: nullcontext(
        SimpleNamespace(list_group_offsets=ask)
    ))  # fmt: skip
    monkeypatch.setattr(admin, "PAUSE", 0.0)
    with pytest.raises(BrokerError, match="no broker coordinates the group penchant"):
        require_group(Settings(_env_file=None))


@pytest.mark.kafka
def test_on_apache_kafka_topics_are_created_with_their_configuration(kafka: Cluster) -> None:
    require_topics(kafka.settings)
    require_worker_topics(kafka.settings)
    topics = kafka.topics
    with admin_client(kafka.settings) as client:
        found = {one["name"]: len(one["partitions"]) for one in client.describe_topics(
            [topics.events, topics.models, topics.profiles])}  # fmt: skip
    assert found == {topics.events: 4, topics.models: 1, topics.profiles: 4}
