"""A worker lives as long as it gets on, and is ready once it has read its tables."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP
from prometheus_client import CollectorRegistry

from streams import vitals as module
from streams.metrics import Metrics
from streams.settings import Settings
from streams.topics import topics_of
from streams.vitals import Vitals, memory_limit
from streams.web import PortError, require_port

SETTINGS = Settings(live_within=60.0)
EVENTS = TP(topics_of(SETTINGS).events, 0)
OTHER = TP(topics_of(SETTINGS).events, 1)


class Clock:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def app() -> Any:
    """What Faust's app says of itself: recovered, and not rebalancing."""
    completed = asyncio.Event()
    completed.set()
    recovery = SimpleNamespace(
        completed=completed, in_recovery=False, _recovery_started_at=None,
        _recovery_ended_at=None, active_remaining=dict,
    )  # fmt: skip
    tables = SimpleNamespace(recovery=recovery)
    return SimpleNamespace(
        tables=tables, rebalancing=False, should_stop=False, consumer_generation_id=1
    )


def vitals_of(app: Any, caught_up: bool = True) -> Vitals:
    snapshots: Any = SimpleNamespace(is_caught_up=caught_up)
    metrics = Metrics(CollectorRegistry())
    return Vitals(app, SETTINGS, topics_of(SETTINGS), metrics, snapshots)


def test_one_that_gets_on_lives_however_much_waits(app: Any, clock: Clock) -> None:
    vitals = vitals_of(app)
    for offset in range(0, 1_000, 10):
        vitals.look({EVENTS: 1_000_000}, {EVENTS: offset})
        clock.now += 50
        assert vitals.dead is None


def test_one_that_has_nothing_to_do_lives(app: Any, clock: Clock) -> None:
    vitals = vitals_of(app)
    for _ in range(10):
        vitals.look({EVENTS: 0}, {EVENTS: 7})
        clock.now += 1_000
    assert vitals.dead is None
    assert vitals.unready is None


def test_one_partition_that_stands_still_is_enough_to_say_no(app: Any, clock: Clock) -> None:
    vitals = vitals_of(app)
    for offset in range(7):
        vitals.look({EVENTS: 5, OTHER: 100}, {EVENTS: 42, OTHER: offset})
        clock.now += 10
    assert vitals.dead is not None
    assert "70 s" in vitals.dead
    assert vitals.stalled(EVENTS.topic) == 70


def test_standing_still_is_noticed_when_nobody_looks_any_more(app: Any, clock: Clock) -> None:
    vitals = vitals_of(app)
    vitals.look({EVENTS: 5}, {})
    clock.now += 61
    assert vitals.dead is not None


def test_recovery_and_rebalances_do_not_count_as_standing_still(app: Any, clock: Clock) -> None:
    vitals = vitals_of(app)
    vitals.look({EVENTS: 5}, {})
    app.rebalancing = True
    clock.now += 500
    assert vitals.dead is None
    assert vitals.unready == "waiting for partitions"
    vitals.look({EVENTS: 5}, {})
    app.rebalancing = False
    vitals.look({EVENTS: 5}, {})
    clock.now += 59
    assert vitals.dead is None


def test_a_recovery_that_gets_on_lives_however_long_it_takes(app: Any, clock: Clock) -> None:
    recovery = app.tables.recovery
    recovery.completed.clear()
    recovery.in_recovery = True
    vitals = vitals_of(app)
    for left in range(1_000, 0, -10):
        recovery.active_remaining = lambda left=left: {EVENTS: left}
        assert vitals.dead is None
        clock.now += 50
    assert vitals.dead is None


def test_a_recovery_that_does_not_get_on_is_dead_in_the_end(app: Any, clock: Clock) -> None:
    recovery = app.tables.recovery
    recovery.completed.clear()
    recovery.in_recovery, recovery.active_remaining = True, lambda: {EVENTS: 7}
    vitals = vitals_of(app)
    assert vitals.waited() == 0
    clock.now += 61
    assert vitals.dead == "recovering: nothing has moved for 61 s"
    recovery.completed.set()
    recovery.in_recovery = False
    assert vitals.dead is None


def test_a_rebalance_that_does_not_end_is_dead_and_one_after_the_other_is_not(
    app: Any, clock: Clock
) -> None:
    app.rebalancing = True
    vitals = vitals_of(app)
    for generation in range(10):
        app.consumer_generation_id = generation
        assert vitals.dead is None
        clock.now += 50
    clock.now += 11
    assert vitals.dead == "waiting for partitions: nothing has moved for 61 s"


def test_what_nobody_could_read_is_told_and_no_reason_to_start_anew(app: Any, clock: Clock) -> None:
    vitals = vitals_of(app)
    for _ in range(10):
        vitals.look({EVENTS: 5, OTHER: 3}, {}, {OTHER})
        vitals.look({EVENTS: 5, OTHER: 0}, {}, set())
        clock.now += 61
        assert vitals.dead is None
    registry, place = vitals._metrics.registry, {"topic": EVENTS.topic, "partition": "0"}
    assert registry.get_sample_value("penchant_lag_records", place) == 5
    assert vitals.stalled(EVENTS.topic) == 610


def test_what_can_be_read_at_last_has_as_long_as_anything_else(app: Any, clock: Clock) -> None:
    vitals = vitals_of(app)
    vitals.look({EVENTS: 5}, {}, set())
    clock.now += 500
    vitals.look({EVENTS: 5}, {}, {EVENTS})
    clock.now += 59
    assert vitals.dead is None
    clock.now += 2
    assert vitals.dead is not None


def test_one_that_is_told_to_stop_does_not_live(app: Any) -> None:
    vitals = vitals_of(app)
    app.should_stop = True
    assert vitals.dead == "stopping"


def test_one_is_ready_after_recovery_and_after_the_models_were_read(app: Any) -> None:
    assert vitals_of(app, caught_up=False).unready == "reading models"
    app.tables.recovery.completed.clear()
    app.tables.recovery.in_recovery = True
    assert vitals_of(app).unready == "recovering"


def test_what_recovery_has_left_is_shown(app: Any, clock: Clock) -> None:
    recovery = app.tables.recovery
    recovery.active_remaining = lambda: {EVENTS: 120, OTHER: -1}
    recovery.in_recovery, recovery._recovery_started_at = True, clock.now - 30
    vitals = vitals_of(app)
    registry = vitals._metrics.registry
    assert registry.get_sample_value("penchant_recovery_remaining_records") == 120
    assert registry.get_sample_value("penchant_recovering") == 1


@pytest.mark.parametrize(
    ("own", "bounds", "found"),
    [
        ("0::/", {}, None),
        ("0::/", {"memory.max": "max"}, None),
        ("0::/", {"memory.max": "1000000"}, 1_000_000),
        ("0::/", {"memory.max": str(2**62)}, None),
        ("4:memory:/docker/f00", {"memory/memory.limit_in_bytes": "2000000"}, 2_000_000),
        ("7:cpu,memory:/a", {"memory/a/memory.limit_in_bytes": "3000000"}, 3_000_000),
        ("0::/system.slice/worker@1.service",
         {"system.slice/worker@1.service/memory.max": "4000000"}, 4_000_000),
        ("0::/tight.slice/worker@1.service",
         {"tight.slice/memory.max": "5000", "tight.slice/worker@1.service/memory.max": "6000"},
         5_000),
        ("3:cpu:/other\n0::/", {"other/memory.max": "7000000"}, None),
    ],
    ids=["nothing", "no-bound", "container", "more-than-there-is", "version-1-container",
         "version-1-below", "systemd", "the-slice-above", "not-ours"],
)  # fmt: skip
def test_the_memory_limit_is_the_least_of_the_machine_and_of_all_groups_it_is_in(
    tmp_path: Path, own: str, bounds: dict[str, str], found: int | None
) -> None:
    groups, file = tmp_path / "cgroup", tmp_path / "own"
    file.write_text(own + "\n")
    for name, bound in bounds.items():
        (groups / name).parent.mkdir(parents=True, exist_ok=True)
        (groups / name).write_text(bound + "\n")
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert memory_limit(groups, file) == (found or physical)


def test_where_nothing_says_so_the_memory_limit_is_the_machine(tmp_path: Path) -> None:
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert memory_limit(tmp_path / "none", tmp_path / "none") == physical


def test_a_port_that_is_taken_is_named_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortError, match=f"{port}.*PENCHANT_WEB_PORT"):
            require_port(Settings(web_port=port))


def test_any_free_port_is_one_that_is_told() -> None:
    given = require_port(Settings(web_port=0))
    assert 0 < given.web_port <= 65_535
    assert require_port(given) == given
