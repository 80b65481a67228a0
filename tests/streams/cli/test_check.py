"""``penchant check`` says whether a configuration is right, and if not, where and what instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.streams.cli.running import GOALS, execute, goals, invoke


def test_a_configuration_that_is_right_is_shown(tmp_path: Path) -> None:
    path = goals(tmp_path)
    ended = invoke("check", path)
    assert ended.code == 0
    assert f"{path} is right: 1 goals" in ended.said
    assert "churn" in ended.out
    assert "1d" in ended.out


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("within:", "witin:", "goals.churn.outcome.witin (line 4): found an unknown key, expected"),
        ("equals: basket", "equal: basket", "(line 4): found an unknown key, expected"),
        ("1d", "1 day", 'goals.churn.outcome.within (line 4): found "1 day", expected'),
        ("field: type", "field: kind", 'where.field (line 4): found "kind", expected'),
        ("churn\n    outcome", "good\n    outcome", "goals.churn.propensity (line 3): found"),
        ("goals:\n", "goals: [\n", "found"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    assert right in GOALS
    path = goals(tmp_path, GOALS.replace(right, wrong, 1))
    ended = invoke("check", path)
    assert ended.code == 2
    assert f"wrong: {path}:" in ended.said
    assert said in ended.said
    assert "expected" in ended.said
    assert ended.out == ""


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = GOALS.replace("1d", "1 day").replace("propensity: churn", "propensity: good")
    ended = invoke("check", goals(tmp_path, text))
    assert ended.code == 2
    assert ended.said.count("expected") == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file or directory"), (b"\xff\xfe\x00", "bytes that are not UTF-8")],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "goals.yaml"
    if content is not None:
        path.write_bytes(content)
    ended = invoke("check", str(path))
    assert ended.code == 2
    assert f"{path}: the file: found {said}, expected" in ended.said


def test_from_a_shell_the_exit_code_is_2_and_there_is_no_traceback(tmp_path: Path) -> None:
    ended = execute("check", goals(tmp_path, GOALS.replace("1d", "0d")))
    assert ended.code == 2
    assert "goals.churn.outcome.within (line 4)" in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""


def test_a_command_that_is_not_there_is_a_mistake_of_the_user() -> None:
    ended = invoke("chekc")
    assert ended.code == 2
    assert "No such command 'chekc'" in ended.said
