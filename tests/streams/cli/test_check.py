"""``penchant check`` says whether a configuration is right, and if not, where and what instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from models.config.durations import DAY, HOUR
from tests.streams.cli.running import GOALS, execute, goals, invoke
from tests.support.factories import START, event


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


#: A survey reads them, but nothing of them can be applied: the type has a control character.
UNUSABLE = [event("p1", START + hour * HOUR, "bask\x07et") for hour in range(3)]
EVERY_ONE = {"field": "type", "exists": True}


def written(folder: Path, log: list[dict[str, Any]]) -> str:
    path = folder / "events.jsonl"
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in log))
    return str(path)


@pytest.mark.parametrize("command", ["check", "backtest"])
def test_a_file_of_which_every_event_is_refused_is_wrong(tmp_path: Path, command: str) -> None:
    events = written(tmp_path, UNUSABLE)
    more = ["--out", str(tmp_path / "out")] if command == "backtest" else []
    ended = invoke(command, goals(tmp_path), events, *more)
    assert ended.code == 2
    assert f"wrong: {events}: the file (line 1): found 3 events, every one of them" in ended.said
    assert "type: a control character (bad_text)" in ended.said
    assert not (tmp_path / "out" / "report.json").exists()
    ended = invoke(command, goals(tmp_path), events, "--json", *more)
    assert ended.code == 2
    assert orjson.loads(ended.out)["error"]["problems"][0]["line"] == 1


@pytest.mark.parametrize("command", ["check", "backtest"])
def test_one_event_that_is_right_makes_an_answer_of_it(tmp_path: Path, command: str) -> None:
    events = written(tmp_path, [*UNUSABLE, event("p1", START + DAY)])
    more = ["--out", str(tmp_path / "out")] if command == "backtest" else []
    ended = invoke(command, goals(tmp_path), events, *more)
    assert ended.code == 0
    assert "3 of 4 lines were refused" in ended.said


@pytest.mark.parametrize("command", ["check", "backtest"])
def test_when_nothing_is_left_after_exclusion_the_command_has_failed(
    tmp_path: Path, command: str
) -> None:
    excluding = goals(tmp_path, f"events: {{exclude: {orjson.dumps(EVERY_ONE).decode()}}}\n{GOALS}")
    events = written(tmp_path, [event("p1", START + DAY), event("p1", START + 2 * DAY)])
    more = ["--out", str(tmp_path / "out")] if command == "backtest" else []
    ended = invoke(command, excluding, events, *more)
    assert ended.code == 1
    assert "no event is left after `events.exclude`" in ended.said
    assert invoke(command, excluding, events, "--json", *more).code == 1
