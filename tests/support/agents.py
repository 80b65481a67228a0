"""A scoring agent without a broker: its tables are dicts, its checkpoint is given."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry

from models.engine import MOST_DUE, Engine
from streams.agents.score import ScoringAgent
from streams.checkpoint import Checkpoint
from streams.metrics import Metrics
from streams.settings import Settings
from streams.topics import topics_of
from streams.wiring import Wiring


class Table:
    """A table of one partition."""

    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def holder(self, _number: int) -> Any:
        """Its rows."""
        return self.rows


class Ready:
    """Snapshots that have caught up."""

    async def wait_caught_up(self) -> None:
        """At once."""


def scoring_agent(
    engine: Engine, checkpoint: Checkpoint, tables: Any, most_due: int = MOST_DUE
) -> ScoringAgent:
    """An agent of partition 0.

    Parameters
    ----------
    engine, checkpoint, most_due
        As of :class:`ScoringAgent`.
    tables
        Two of :class:`Table`: profiles and tickets.
    """
    topics = topics_of(Settings(_env_file=None))
    wiring = Wiring(topics, checkpoint, Metrics(CollectorRegistry()), 4)
    ready: Any = Ready()
    return ScoringAgent(engine, wiring, tables, ready, most_due)
