"""The topics: their names, and what each has to be like."""

from __future__ import annotations

from dataclasses import dataclass, replace

from streams.settings import TOPICS, Settings

DAY_MS = 86_400_000
#: Replicas from which on a broker may be away while others are written.
REPLICAS = 3
READ, WRITE = frozenset(("READ",)), frozenset(("WRITE",))


@dataclass(frozen=True, slots=True)
class Topics:
    """Names of the topics.

    Parameters
    ----------
    events, scores, examples, models, insights, dlq, erasures
        As in docs/semantics.md.
    profiles, tickets, trainers
        Changelogs of the tables.
    """

    events: str
    scores: str
    examples: str
    models: str
    insights: str
    dlq: str
    erasures: str
    profiles: str
    tickets: str
    trainers: str

    @property
    def sources(self) -> frozenset[str]:
        """The topics that agents read."""
        return frozenset((self.events, self.examples))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a topic has to be like.

    Parameters
    ----------
    name
        The topic.
    partitions
        How many it must have; None for any number.
    config
        Its configuration where it is created by us.
    rights
        What a worker has to be permitted to do with it.
    """

    name: str
    partitions: int | None
    config: dict[str, str]
    rights: frozenset[str] = frozenset()


def topics_of(settings: Settings) -> Topics:
    """The names of the topics.

    Examples
    --------
    >>> topics_of(Settings(prefix="shop")).events
    'shop.events'
    """
    prefix = settings.prefix
    return Topics(
        **{what: settings.topic(what) for what in TOPICS},
        profiles=f"{prefix}-profiles-changelog",
        tickets=f"{prefix}-tickets-changelog",
        trainers=f"{prefix}-trainers-changelog",
    )


def wanted_topics(settings: Settings) -> list[Wanted]:
    """What every topic has to be like: those that go together have equal partitions."""
    topics, equal = topics_of(settings), settings.partitions
    # What is erased is gone from the disk a week later, whatever else is written.
    compact = {"cleanup.policy": "compact", "max.compaction.lag.ms": str(7 * DAY_MS)}
    changelog = compact | {"min.cleanable.dirty.ratio": "0.3", "segment.ms": str(DAY_MS)}
    insights = {"cleanup.policy": "compact,delete", "retention.ms": str(30 * DAY_MS)}
    wanted = [
        Wanted(topics.events, equal, {"retention.ms": str(30 * DAY_MS)}, READ),
        Wanted(topics.scores, equal, compact, WRITE),
        Wanted(topics.examples, equal, {"retention.ms": str(90 * DAY_MS)}, READ | WRITE),
        Wanted(topics.models, 1, compact, READ | WRITE),
        Wanted(topics.insights, 1, insights, WRITE),
        Wanted(topics.dlq, equal, {"retention.ms": str(30 * DAY_MS)}, WRITE),
        Wanted(topics.erasures, equal, {"retention.ms": str(400 * DAY_MS)}, WRITE),
        Wanted(topics.profiles, equal, changelog, READ | WRITE),
        Wanted(topics.tickets, equal, changelog, READ | WRITE),
        Wanted(topics.trainers, equal, changelog, READ | WRITE),
    ]
    if settings.replication < REPLICAS:
        return wanted
    # What was acknowledged is on two brokers: one may be lost for good, and one may be away.
    return [replace(one, config=one.config | {"min.insync.replicas": "2"}) for one in wanted]
