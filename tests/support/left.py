"""What workers have left in topics and tables, and whether they are done."""

from __future__ import annotations

from collections import defaultdict

import orjson
from msgspec.structs import replace

from models.goals.examples import Example, decode_example, encode_example
from models.goals.tickets import Packed, pack_ticket, unpack_ticket
from models.learning.snapshot import read_snapshot
from models.profiles.codec import pack, unpack
from models.profiles.profile import TicketId
from tests.support.cluster import Cluster, Worker

Rows = dict[int, dict[bytes, bytes]]


def handled(*workers: Worker) -> float:
    """How many events workers have handled since they started."""
    return sum(
        value for worker in workers for value in worker.metrics("penchant_events_total").values()
    )


def examples_of(cluster: Cluster) -> dict[str, list[Example]]:
    """The examples topic by goal, in its order."""
    found: dict[str, list[Example]] = {}
    for record in cluster.read(cluster.topics.examples):
        example = decode_example(record.value or b"")
        found.setdefault(example.goal, []).append(example)
    return found


def learned(cluster: Cluster) -> dict[str, int]:
    """How many examples the latest snapshot of each goal knows."""
    latest = {one.key.decode(): one.value for one in cluster.read(cluster.topics.models)}
    return {goal: read_snapshot(value).version for goal, value in latest.items()}


def all_learned(cluster: Cluster) -> bool:
    """Whether the snapshots know all examples that are there."""
    examples = {goal: len(found) for goal, found in examples_of(cluster).items()}
    return bool(examples) and learned(cluster) == examples


def every_ticket_was_trained_once(cluster: Cluster) -> int:
    """Hold the last snapshots against the examples; how many there are."""
    examples = [orjson.loads(record.value) for record in cluster.read(cluster.topics.examples)]
    ids = [one["ticket_id"] for one in examples]
    assert len(set(ids)) == len(ids)
    assert all_learned(cluster)
    latest = {one.key.decode(): orjson.loads(one.value)
              for one in cluster.read(cluster.topics.models)}  # fmt: skip
    for goal, snapshot in latest.items():
        labels = [one["label"] for one in examples if one["goal"] == goal]
        assert (snapshot["examples"], snapshot["positives"]) == (len(labels), sum(labels))
    return len(ids)


def rows(cluster: Cluster, topic: str) -> Rows:
    """The rows of a table by partition, from its changelog."""
    found: dict[int, dict[bytes, bytes | None]] = defaultdict(dict)
    for record in cluster.read(topic):
        found[record.partition][record.key] = record.value
    return {
        number: {key: value for key, value in held.items() if value is not None}
        for number, held in found.items()
    }


def table(cluster: Cluster, topic: str) -> dict[bytes, bytes]:
    """The rows of a table, all partitions together."""
    return {key: value for held in rows(cluster, topic).values() for key, value in held.items()}


def plain_example(example: Example) -> bytes:
    """An example without what it owes to models."""
    return encode_example(replace(example, probability=None, model_version=0))


def plain_ticket(ticket: Packed) -> bytes:
    """A ticket without what it owes to models."""
    return pack_ticket(replace(unpack_ticket(ticket), probability=None, model_version=0))


def without_progress_of_others(packed: bytes, tickets: set[TicketId]) -> bytes:
    """A packed profile with the progress of these tickets alone: nobody asks for a closed one's."""
    profile = unpack(packed)
    profile.progress = {one: n for one, n in profile.progress.items() if one in tickets}
    return pack(profile)
