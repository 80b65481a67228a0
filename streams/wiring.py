"""What every agent is connected to."""

from __future__ import annotations

from dataclasses import dataclass

from streams.checkpoint import Checkpoint
from streams.metrics import Metrics
from streams.topics import Topics


@dataclass(frozen=True, slots=True)
class Wiring:
    """What every agent is connected to.

    Parameters
    ----------
    topics
        Where things go.
    checkpoint
        Makes them durable.
    metrics
        Count them.
    partitions
        Of the topics that go together.
    """

    topics: Topics
    checkpoint: Checkpoint
    metrics: Metrics
    partitions: int
