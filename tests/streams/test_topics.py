"""Topics: names from the prefix or as told, and partitions equal where they go together."""

from __future__ import annotations

from dataclasses import fields

import pytest

from streams.settings import Settings
from streams.topics import Topics, topics_of, wanted_topics


def test_names_are_a_prefix_and_a_word() -> None:
    assert topics_of(Settings(prefix="shop")) == Topics(
        events="shop.events", scores="shop.scores", examples="shop.examples",
        models="shop.models", insights="shop.insights", dlq="shop.dlq",
        erasures="shop.erasures", profiles="shop-profiles-changelog",
        tickets="shop-tickets-changelog", trainers="shop-trainers-changelog",
    )  # fmt: skip


@pytest.mark.parametrize(
    "word", ["events", "scores", "examples", "models", "insights", "dlq", "erasures"]
)
def test_every_topic_but_the_changelogs_can_be_called_otherwise(word: str) -> None:
    settings = Settings.model_validate({f"{word}_topic": "clicks.v1"})
    topics = topics_of(settings)
    assert getattr(topics, word) == "clicks.v1"
    assert "clicks.v1" in [one.name for one in wanted_topics(settings)]


def test_every_topic_is_wanted_once() -> None:
    topics = topics_of(Settings())
    names = [getattr(topics, field.name) for field in fields(topics)]
    assert sorted(one.name for one in wanted_topics(Settings())) == sorted(names)


def test_what_goes_together_has_equal_partitions_and_what_is_read_whole_has_one() -> None:
    settings = Settings(partitions=12)
    topics = topics_of(settings)
    counts = {one.name: one.partitions for one in wanted_topics(settings)}
    together = (topics.events, topics.examples, topics.scores, topics.dlq, topics.erasures,
                topics.profiles, topics.tickets, topics.trainers)  # fmt: skip
    assert {counts[name] for name in together} == {12}
    assert (counts[topics.models], counts[topics.insights]) == (1, 1)


def test_what_has_to_stay_is_compacted_and_never_deleted_by_age() -> None:
    topics = topics_of(Settings())
    config = {one.name: one.config for one in wanted_topics(Settings())}
    for name in (topics.scores, topics.models, topics.profiles, topics.tickets, topics.trainers):
        assert config[name]["cleanup.policy"] == "compact"
    for name in (topics.events, topics.examples, topics.dlq, topics.erasures):
        assert "cleanup.policy" not in config[name]
        assert int(config[name]["retention.ms"]) >= 30 * 86_400_000


def test_agents_read_events_and_examples() -> None:
    topics = topics_of(Settings())
    assert topics.sources == {topics.events, topics.examples}


def test_where_there_are_three_replicas_two_of_them_have_what_was_acknowledged() -> None:
    for one in wanted_topics(Settings(replication=3)):
        assert one.config["min.insync.replicas"] == "2"
    for one in wanted_topics(Settings(replication=2)):
        assert "min.insync.replicas" not in one.config


def test_a_worker_writes_everything_but_events_and_reads_what_it_needs_again() -> None:
    topics = topics_of(Settings())
    rights = {one.name: one.rights for one in wanted_topics(Settings())}
    read = {name for name, needed in rights.items() if "READ" in needed}
    written = {name for name, needed in rights.items() if "WRITE" in needed}
    assert read == {topics.events, topics.examples, topics.models, topics.profiles,
                    topics.tickets, topics.trainers}  # fmt: skip
    assert written == rights.keys() - {topics.events}
