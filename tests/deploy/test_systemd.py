"""The systemd unit: systemd takes it, and it does what the worker needs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.cli.common import WRONG_INPUT
from streams.settings import Settings

FOLDER = Path(__file__).parents[2] / "deploy/systemd"
UNIT = FOLDER / "penchant-worker@.service"
#: Seconds after which systemctl gives up on a bus that does not answer.
BUS_PATIENCE = 25
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


def values_of(name: str) -> list[str]:
    """What the unit says under a name, lines that go on put together."""
    lines = UNIT.read_text().replace("\\\n", " ").splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


def put_first(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def slept(folder: Path, systemctl: str) -> float:
    """Seconds that are slept before a start, by what systemctl does."""
    put_first(folder, "systemctl", f'echo "$@" >{folder}/asked\n{systemctl}')
    put_first(folder, "sleep", f'echo "$1" >>{folder}/slept')
    (line,) = values_of("ExecStartPre")
    assert line.startswith("-")  # whatever comes of it, the worker is started
    command = line[1:].replace("%n", "penchant-worker@7.service")
    # systemd knows no variable of its environment here, only the sign that stands for itself.
    assert not re.search(r"(?<!\$)(\$\$)*\$(?!\$)", command)
    subprocess.run(
        shlex.split(command.replace("$$", "$")), check=True, timeout=20,
        env={"PATH": f"{folder}:{os.defpath}"},
    )  # fmt: skip
    asked = (folder / "asked").read_text()
    assert asked == "show --property=NRestarts --value penchant-worker@7.service\n"
    found = folder / "slept"
    return sum(map(float, found.read_text().split())) if found.exists() else 0.0


def test_who_crashes_again_and_again_waits_longer_each_time_a_minute_at_most(
    tmp_path: Path,
) -> None:
    (always,) = map(float, values_of("RestartSec"))
    pauses = []
    for restarts in (1, 2, 5, 11, 12, 1000):
        folder = tmp_path / str(restarts)
        folder.mkdir()
        pauses.append(always + slept(folder, f"echo {restarts}"))
    assert pauses == [10, 15, 30, 60, 60, 60]
    (bound,) = map(float, values_of("TimeoutStartSec"))
    assert bound > max(pauses) - always + BUS_PATIENCE


@pytest.mark.parametrize(
    "systemctl",
    ["echo 0", "exit 1", "echo '[not set]'", "echo", "echo no bus >&2; exit 4", "kill -9 $$"],
)
def test_a_first_start_does_not_wait_nor_one_of_which_systemctl_says_nothing(
    tmp_path: Path, systemctl: str
) -> None:
    assert slept(tmp_path, systemctl) == 0


def test_its_variables_are_settings() -> None:
    lines = (FOLDER / "worker.env").read_text().splitlines()
    names = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    assert names
    assert {name.removeprefix("PENCHANT_").lower() for name in names} <= (
        Settings.model_fields.keys()
    )
