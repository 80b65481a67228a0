"""``penchant init`` writes a start that works, and overwrites nothing unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.config.loader import load_config
from models.events.parsing import parse_event
from streams.cli import common
from streams.offline.files import read_events
from tests.streams.cli.running import invoke


def test_what_it_writes_can_be_used_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    ended = invoke("init", str(folder))
    assert ended.code == 0
    goals = folder / "goals.yaml"
    assert f"wrote {goals}" in ended.out
    assert f"penchant check {goals}" in ended.said
    config = load_config(goals.read_text(), str(goals))
    assert set(config.goals) == {"churn", "upgrade"}
    events = [parse_event(one.value, config.limits)
              for one in read_events(str(folder / "events.jsonl"))]  # fmt: skip
    assert len(events) == 8
    assert invoke("check", str(goals)).code == 0


def test_a_path_is_shown_in_one_piece_as_it_is_however_narrow_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common.out, "width", 40)
    folder = tmp_path / "[bold]a folder for the shop of ours[/bold]"
    ended = invoke("init", str(folder))
    assert f"wrote {folder / 'goals.yaml'}" in ended.out.splitlines()
    assert f"penchant check {folder / 'goals.yaml'} {folder / 'events.jsonl'}, then" in ended.out
    checked = invoke("check", str(folder / "goals.yaml"))
    assert f"{folder / 'goals.yaml'} is right: 2 goals" in checked.out.splitlines()


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    mine = tmp_path / "goals.yaml"
    mine.write_text("mine")
    ended = invoke("init", str(tmp_path))
    assert ended.code == 2
    assert f"{mine}: the file: found a file that is there already, expected a new one" in ended.said
    assert mine.read_text() == "mine"
    assert not (tmp_path / "events.jsonl").exists()
    assert invoke("init", str(tmp_path), "--force").code == 0
    assert mine.read_text() != "mine"
