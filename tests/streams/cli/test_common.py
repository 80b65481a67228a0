"""What every command does alike: folders that cannot be written, terminals that lack letters."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import orjson
import pytest

from streams.processes import penchant
from tests.streams.cli.running import GOALS, PATIENCE, execute, goals, invoke
from tests.streams.cli.test_answers import written
from tests.support.factories import habits


@pytest.mark.parametrize("command", ["init", "backtest", "demo"])
def test_a_folder_that_is_a_file_is_said_to_be_one(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("mine")
    name = str(tmp_path / "file")
    rest = {"init": [name], "demo": ["--out", name],
            "backtest": [goals(tmp_path), "events.jsonl", "--out", name]}  # fmt: skip
    ended = invoke(command, *rest[command])
    assert ended.code == 2
    assert f"{name}: the file: found no folder, expected a folder that can be written" in ended.said


def test_what_the_machine_refuses_to_write_is_said_without_a_traceback(tmp_path: Path) -> None:
    events = written(tmp_path, habits(profiles=3, days=3))
    ended = execute("backtest", goals(tmp_path), events, "--out", "/proc", "--json")
    assert ended.code == 1
    assert ended.err.startswith("failed: /proc/")
    assert "Traceback" not in ended.err
    assert orjson.loads(ended.out)["error"]["kind"] == "failed"


@pytest.mark.parametrize(
    "arguments", [("check", "GOALS"), ("check", "GOALS", "--json"), ("--help",), ("send", "--help")]
)
def test_an_answer_that_does_not_fit_on_the_disk_is_a_failure_said_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    command = [goals(tmp_path) if one == "GOALS" else one for one in arguments]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            penchant(*command), stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE,
            check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "failed: No space left on device\n")


def test_what_cannot_be_said_is_still_an_exit_code(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            penchant("check", str(tmp_path / "none.yaml"), "--json"), stdout=full, stderr=full,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
    assert done.returncode == 2


def test_a_reader_that_has_gone_ends_a_command_quietly(tmp_path: Path) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(
        penchant("check", goals(tmp_path), "--json"), stdout=writes, stderr=subprocess.PIPE,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    os.close(writes)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_command_does_its_work_where_nobody_wants_to_hear_of_it(
    tmp_path: Path, closed: str
) -> None:
    command = penchant("check", goals(tmp_path), "--json")
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *command], capture_output=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_terminal_without_the_letters_gets_marks_in_their_place(tmp_path: Path) -> None:
    config = goals(tmp_path, GOALS.replace("propensity", "title: Fidélité perdue\n    propensity"))
    events = written(tmp_path, habits(profiles=20, days=20))
    for more in ((), ("--json",)):
        done = subprocess.run(
            penchant("check", config, events, *more), capture_output=True, timeout=PATIENCE,
            check=False, env=os.environ | {"PYTHONIOENCODING": "ascii", "COLUMNS": "200"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        if more:  # for programs: UTF-8, whatever a terminal can show
            assert orjson.loads(done.stdout)["goals"][0]["title"] == "Fidélité perdue"
        else:
            assert "Fid?lit? perdue" in done.stdout.decode("ascii")


@pytest.mark.parametrize(
    "given", [("doctor", "g.yaml", "--wait"), ("send", "g.yaml", "e.jsonl", "--speed")]
)
def test_what_is_no_number_is_in_no_range(given: tuple[str, ...]) -> None:
    ended = invoke(*given, "nan")
    assert ended.code == 2
    assert "nan is no number" in ended.said
