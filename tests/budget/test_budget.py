"""What an event costs, counted: calls, records and bytes do not depend on the machine."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from faust.types import TP
from prometheus_client import CollectorRegistry

from benchmarks.throughput.load import CONFIG, PACE, events, snapshots
from models.config.loader import load_config
from models.engine import Engine
from models.goals.tickets import TicketBook
from models.learning.snapshot import read_snapshot
from models.step import PlainRecord
from streams.agents.score import ScoringAgent
from streams.checkpoint import Checkpoint, Stage
from streams.metrics import Metrics
from streams.settings import Settings
from streams.topics import topics_of
from streams.wiring import Wiring

BUDGET: dict[str, dict[str, float]] = yaml.safe_load(
    (Path(__file__).parent / "budget.yaml").read_text()
)
RUN, RUNS = 500, 4
#: Profiles, and seconds of event time between two events: every event of another profile, five
#: events each in a run, and a history read so fast that tickets come and go with every event.
SPREADS = {
    "another_profile_each": (100_000, PACE),
    "five_events_a_profile": (RUN // 5, PACE),
    "tickets_with_every_event": (RUN // 5, 3_000.0),
}


class Ledger(Checkpoint):
    """Writes nothing, and counts what would be written."""

    transactional = True

    def __init__(self) -> None:
        super().__init__("budget", frozenset(), {})
        self.counts: Counter[str] = Counter()

    async def own(self, partitions: set[TP]) -> None:
        """Nothing to get ready."""

    async def commit(self, source: TP, offset: int | None, stages: Sequence[Stage]) -> None:
        """Count it."""
        self.counts["commits"] += 1
        for output in (output for stage in stages for output in stage if output.records):
            self.counts["batches"] += 1
            name = output.topic.removeprefix("penchant").strip(".-").split("-")[0]
            for key, value in output.records:
                self.counts[f"{name}_records"] += 1
                self.counts[f"{name}_bytes"] += len(key or b"") + len(value or b"")

    async def stop(self) -> None:
        """Nothing to close."""


class Tables:
    """Empty tables."""

    def __init__(self, holder: Any) -> None:
        self._holder = holder

    def holder(self, _: int) -> Any:
        """The rows of a partition."""
        return self._holder


class CaughtUp:
    """Snapshots that are all there."""

    async def wait_caught_up(self) -> None:
        """Nothing to wait for."""


@pytest.fixture(scope="module")
def models() -> list[bytes]:
    return [value for _, value in snapshots()]


def agent_of(models: list[bytes]) -> tuple[ScoringAgent, Ledger]:
    """A scoring agent with ready models and a ledger behind it."""
    engine, ledger, settings = Engine(load_config(CONFIG, "budget")), Ledger(), Settings()
    for model in models:
        engine.adopt(read_snapshot(model))
    wiring = Wiring(topics_of(settings), ledger, Metrics(CollectorRegistry()), 4)
    tables: Any = (Tables({}), Tables(TicketBook()))
    caught_up: Any = CaughtUp()
    return ScoringAgent(engine, wiring, tables, caught_up), ledger


def costs(models: list[bytes], profiles: int, pace: float) -> dict[str, float]:
    """What an event costs, the runs after the first; what a run costs."""
    agent, ledger = agent_of(models)
    log = [
        PlainRecord(key, value, offset)
        for offset, (key, value) in enumerate(events(RUN * RUNS, profiles, pace=pace))
    ]
    calls: Counter[str] = Counter()

    async def handle(first: int, last: int) -> None:
        for at in range(first * RUN, last * RUN, RUN):
            await agent.handle(0, log[at : at + RUN], at + RUN - 1)

    asyncio.run(handle(0, 1))
    ledger.counts.clear()
    before = sys.getprofile()
    sys.setprofile(lambda frame, kind, _: calls.update((kind,)))
    try:
        asyncio.run(handle(1, RUNS))
    finally:
        sys.setprofile(before)
    runs = RUNS - 1
    per_run = {"commits", "batches"}
    counted = ledger.counts | Counter(python_calls=calls["call"], builtin_calls=calls["c_call"])
    return {
        name + ("_a_run" if name in per_run else "_an_event"): count
        / (runs if name in per_run else runs * RUN)
        for name, count in counted.items()
    }


@pytest.mark.parametrize("spread", SPREADS)
def test_an_event_costs_no_more_than_the_budget_says(models: list[bytes], spread: str) -> None:
    found, budget = costs(models, *SPREADS[spread]), BUDGET[spread]
    beyond = {
        name: f"{found.get(name, 0.0):.2f}, budget {most}"
        for name, most in budget.items()
        if found.get(name, 0.0) > most
    }
    assert not beyond
    assert found.keys() <= budget.keys(), "what is written is budgeted"
