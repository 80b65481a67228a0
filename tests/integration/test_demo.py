"""The demo as a user runs it: a year of real data through Kafka, and what was learned from it."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from streams.processes import penchant
from tests.support.cluster import until

pytestmark = pytest.mark.embedded

EVENTS = 164_539
HOUSEHOLDS = 2_469


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        penchant("demo", "--out", str(folder)),
        check=False, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in (folder / "worker.log").read_text()
    found: dict[str, Any] = orjson.loads((folder / "report.json").read_bytes())
    return found


def test_every_event_is_applied_and_none_refused(report: dict[str, Any]) -> None:
    assert (report["applied"], report["refused"]) == (EVENTS, 0)
    assert report["profiles"] == HOUSEHOLDS
    # Events of a profile that come in one run are answered by one score a goal.
    assert EVENTS / 4 < report["scores"] < EVENTS * 3


@pytest.mark.parametrize(
    ("goal", "auc", "calibration"),
    [("churn", 0.80, (0.9, 1.1)), ("coupon", 0.87, (0.8, 1.25)), ("power", 0.87, (0.9, 1.1))],
)
def test_a_year_through_kafka_is_learned_as_well_as_offline(
    report: dict[str, Any], goal: str, auc: float, calibration: tuple[float, float]
) -> None:
    """A year in minutes makes snapshots, one every quarter of a second, about a day old."""
    found = report["goals"][goal]
    # Redemptions come in waves with campaigns: whether the last of them was expected depends on how
    # old the snapshots of a busy machine were, and the alarm for it is not an error of the model.
    assert found["status"] in ({"ready", "degraded"} if goal == "coupon" else {"ready"})
    assert found["examples"] > 40_000
    assert found["evaluation"]["auc"] >= auc
    assert calibration[0] <= found["evaluation"]["calibration_ratio"] <= calibration[1]
    assert found["evaluation"]["normalized_entropy"] < 1.0


def test_the_highest_profiles_come_with_reasons(report: dict[str, Any]) -> None:
    for goal in report["goals"].values():
        first, second = goal["highest"]
        assert first["score"] >= second["score"] > 75
        assert all(factor["text"] for factor in first["factors"])
        assert first["factors"][0]["contribution"] > 0


@pytest.mark.usefixtures("interrupts")
def test_an_interrupted_demo_leaves_nothing_running(tmp_path: Path) -> None:
    demo = subprocess.Popen(penchant("demo", "--out", str(tmp_path)), stdout=subprocess.DEVNULL)
    log = tmp_path / "worker.log"
    until(lambda: log.exists() and "guarantee" in log.read_text(), "the worker of the demo")
    children = _descendants(demo.pid)
    assert len(children) >= 2  # broker and worker
    demo.send_signal(signal.SIGINT)
    assert demo.wait(60) == 1
    until(lambda: not any(map(_runs, children)), "every process of the demo to end")


@pytest.mark.usefixtures("interrupts")
def test_what_a_kept_demo_says_to_type_is_answered_by_scores(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with said.open("wb") as file:
        demo = subprocess.Popen(
            penchant("demo", "--keep", "--events", "8000", "--out", "out"),
            stdout=file,
            cwd=tmp_path,
        )
    try:
        until(lambda: "send " in said.read_text().partition("third:")[2], "something to type")
        watching, sending = _to_type(said.read_text())
        seen = tmp_path / "seen"
        with seen.open("wb") as file:
            watch = subprocess.Popen(["bash", "-ec", watching], stdout=file, cwd=tmp_path)
        for event in ("mine-1", "mine-2", "mine-3"):  # who watches may be slower to begin with
            again = sending.replace("mine-1", event)
            subprocess.run(["bash", "-ec", again], check=True, cwd=tmp_path)
            if _comes(lambda: "2018-01-02T10:00 household-1 churn " in seen.read_text(), 10):
                break
        else:
            raise AssertionError(seen.read_text())
        watch.send_signal(signal.SIGINT)
        watch.wait(30)
    finally:
        demo.send_signal(signal.SIGTERM)
    assert demo.wait(60) == 1


def _comes(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether something comes about within so many seconds."""
    try:
        return bool(until(condition, "", seconds))
    except AssertionError:
        return False


def _to_type(said: str) -> tuple[str, str]:
    """What a kept demo tells a second terminal and a third to type."""
    second, _, third = said.partition("In another terminal:")[2].partition("third:")
    told = [
        [line.strip() for line in one.splitlines() if line.startswith("  ")]
        for one in (second, third)
    ]
    # The programs of this test are in the environment that it runs in, which may be on no PATH.
    path = f"PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH"
    watching, sending = ("\n".join([path, *lines]) for lines in told)
    return watching.replace("\npenchant", "\nexec penchant"), sending


def _descendants(pid: int) -> list[int]:
    """Processes that a process has started, and theirs."""
    parents = {int(one.name): _stat(int(one.name)) for one in Path("/proc").glob("[0-9]*")}
    found, wanted = [], [pid]
    while wanted:
        parent = wanted.pop()
        children = [one for one, stat in parents.items() if stat and stat[1] == str(parent)]
        found += children
        wanted += children
    return found


def _runs(pid: int) -> bool:
    """Whether a process is there, and no zombie that somebody has still to wait for."""
    stat = _stat(pid)
    return stat is not None and stat[0] != "Z"


def _stat(pid: int) -> list[str] | None:
    """State, parent and so on of a process; None when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
