"""The systemd unit: systemd takes it, and it does what the worker needs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.cli.common import WRONG_INPUT
from streams.settings import Settings

FOLDER = Path(__file__).parents[2] / "deploy/systemd"
UNIT = FOLDER / "penchant-worker@.service"
Tool = Callable[[str], str]


def verified(tool: Tool, path: Path) -> str:
    """What systemd has to say against a unit."""
    ran = subprocess.run(
        [tool("systemd-analyze"), "verify", "--man=no", path], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return ran.stdout + ran.stderr


@pytest.mark.tools("systemd-analyze")
def test_systemd_takes_it(tool: Tool) -> None:
    assert UNIT.name not in verified(tool, UNIT)


@pytest.mark.tools("systemd-analyze")
def test_a_mistake_in_it_is_found(tool: Tool, tmp_path: Path) -> None:
    wrong = tmp_path / UNIT.name
    wrong.write_text(UNIT.read_text().replace("Restart=on-failure", "Restart=on-failures"))
    assert "on-failures" in verified(tool, wrong)


def test_a_wrong_configuration_is_not_tried_again_and_again() -> None:
    text = UNIT.read_text()
    assert f"RestartPreventExitStatus={WRONG_INPUT}\n" in text
    assert "Restart=on-failure\n" in text


def test_it_is_started_again_for_as_long_as_brokers_may_be_away() -> None:
    lines = UNIT.read_text().splitlines()
    assert "StartLimitIntervalSec=0" in lines
    (pause,) = [line for line in lines if line.startswith("RestartSec=")]
    assert int(pause.partition("=")[2]) >= 10


def test_its_variables_are_settings() -> None:
    lines = (FOLDER / "worker.env").read_text().splitlines()
    names = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    assert names
    assert {name.removeprefix("PENCHANT_").lower() for name in names} <= (
        Settings.model_fields.keys()
    )
