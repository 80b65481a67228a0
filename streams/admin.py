"""What the broker has, what is needed, and creating what is missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from kafka.admin import KafkaAdminClient
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    GroupAuthorizationFailedError,
    KafkaError,
    NotCoordinatorError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
)

from models.errors import PenchantError
from streams.logs import hushed
from streams.security import client_options
from streams.settings import Settings
from streams.topics import READ, Wanted, wanted_topics

#: Milliseconds that a broker is given to answer for the first time.
PATIENCE_MS = 5_000
#: Looks for a group's coordinator, and seconds between two of them.
ATTEMPTS, PAUSE = 40, 0.5
MOVING = (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError)
NOT_PERMITTED = TopicAuthorizationFailedError.errno


class BrokerError(PenchantError):
    """The broker cannot be used: not reachable, not permitted, or not as it has to be."""


class Finding(NamedTuple):
    """A topic beside what it has to be like.

    Parameters
    ----------
    wanted
        What it has to be like.
    partitions
        How many it has; None when it is not there.
    permitted
        Whether we may see it.
    lacking
        Rights that a worker needs and we do not have, where the broker says which we have.
    """

    wanted: Wanted
    partitions: int | None
    permitted: bool = True
    lacking: tuple[str, ...] = ()

    @property
    def problem(self) -> str | None:
        """What is wrong with it, in words; None when it is as it has to be."""
        if not self.permitted:
            return "not permitted (DESCRIBE, which READ and WRITE bring with them)"
        if self.partitions is None:
            return "missing"
        if self.wanted.partitions not in (None, self.partitions):
            return f"has {self.partitions} partitions, needs {self.wanted.partitions}"
        return None

    @property
    def worker_problem(self) -> str | None:
        """What is wrong with it for a worker, which needs rights that others do not."""
        if self.problem is None and self.lacking:
            return f"not permitted ({', '.join(self.lacking)})"
        return self.problem


@contextmanager
def admin_client(settings: Settings) -> Iterator[KafkaAdminClient]:
    """A connection to the broker's administration.

    Raises
    ------
    BrokerError
        It cannot be reached.
    """
    with hushed("kafka"):  # it reports every attempt at length
        try:
            client = KafkaAdminClient(bootstrap_timeout_ms=PATIENCE_MS, **client_options(settings))
        except (KafkaError, OSError) as error:
            raise BrokerError(
                f"no Kafka broker answers at {settings.brokers} ({type(error).__name__}). "
                "Is it running? PENCHANT_BROKERS says where to look."
            ) from None
        try:
            yield client
        except KafkaError as error:
            raise BrokerError(f"the broker at {settings.brokers} refused: {error}") from None
        finally:
            client.close()


def find_topics(client: KafkaAdminClient, settings: Settings) -> list[Finding]:
    """Every topic beside what it has to be like."""
    wanted = wanted_topics(settings)
    described: list[dict[str, Any]] = client.describe_topics([one.name for one in wanted])
    by_name = {found["name"]: found for found in described}
    return [_finding(one, by_name.get(one.name)) for one in wanted]


def _finding(wanted: Wanted, found: dict[str, Any] | None) -> Finding:
    if found is None:
        return Finding(wanted, None)
    if found["error_code"]:
        return Finding(wanted, None, found["error_code"] != NOT_PERMITTED)
    allowed = found["authorized_operations"]
    lacking = () if allowed is None else tuple(sorted(wanted.rights - set(allowed)))
    return Finding(wanted, len(found["partitions"]), lacking=lacking)


def require_readable(client: KafkaAdminClient, topic: str) -> None:
    """Make sure that a topic is there and may be read: a consumer would wait for it without a word.

    Raises
    ------
    BrokerError
        It is not, or may not.
    """
    described: list[dict[str, Any]] = client.describe_topics([topic])
    found = next((one for one in described if one["name"] == topic), None)
    problem = _finding(Wanted(topic, None, {}, READ), found).worker_problem
    if problem is not None:
        raise BrokerError(f"topic {topic}: {problem}; penchant doctor CONFIG says what to do")


def create_topics(client: KafkaAdminClient, settings: Settings, missing: list[Wanted]) -> None:
    """Create topics, and wait until they can be used."""
    for one in missing:
        request = {
            one.name: {
                "num_partitions": one.partitions or settings.partitions,
                "replication_factor": settings.replication,
                "configs": one.config,
            }
        }
        try:
            client.create_topics(request)
        except TopicAlreadyExistsError:
            continue
    client.wait_for_topics([one.name for one in missing])


def require_group(settings: Settings) -> None:
    """Make sure that we may read as our group: aiokafka would wait for it without a word.

    Raises
    ------
    BrokerError
        We may not, or no broker coordinates the group.
    """
    with admin_client(settings) as client:
        for _ in range(ATTEMPTS):
            try:
                client.list_group_offsets(settings.prefix)
            except GroupAuthorizationFailedError:
                raise BrokerError(
                    f"the group {settings.prefix} is not permitted (READ); "
                    "docs/security.md lists the rights that a worker needs."
                ) from None
            except MOVING:
                time.sleep(PAUSE)  # a new broker makes its coordinators first
            else:
                return
    raise BrokerError(
        f"no broker coordinates the group {settings.prefix} after {ATTEMPTS * PAUSE:.0f} s: "
        "are all brokers up that hold the topic __consumer_offsets?"
    )


def require_topics(settings: Settings) -> None:
    """Make sure that all topics are as they have to be.

    Raises
    ------
    BrokerError
        With every one that is not, and what to do.
    """
    _require(settings, lambda finding: finding.problem)


def require_worker_topics(settings: Settings) -> None:
    """Make sure that all topics are as they have to be, and that a worker may use them.

    Without the right to read aiokafka would wait for records, and say nothing.

    Raises
    ------
    BrokerError
        With every one that is not, and what to do.
    """
    _require(settings, lambda finding: finding.worker_problem)


def _require(settings: Settings, problem_of: Callable[[Finding], str | None]) -> None:
    with admin_client(settings) as client:
        findings = find_topics(client, settings)
    wrong = [(finding, problem) for finding in findings if (problem := problem_of(finding))]
    if not wrong:
        return
    lines = [f"  {finding.wanted.name}: {problem}" for finding, problem in wrong]
    advice = (
        "penchant topics CONFIG --apply creates what is missing."
        if all(problem == "missing" for _, problem in wrong)
        else "docs/security.md lists the rights that a worker needs."
        if any(problem.startswith("not permitted") for _, problem in wrong)
        else "Partitions that go together have to be equal: set PENCHANT_PARTITIONS to what "
        "the events topic has, and create the others anew."
    )
    raise BrokerError("\n".join(["the topics are not as they have to be:", *lines, advice]))
