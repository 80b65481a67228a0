"""With ``--json`` standard output is one document for programs, whatever happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import orjson
import pytest

from streams.cli import main
from streams.cli.usage import lines_of
from streams.topics import wanted_topics
from tests.streams.cli.running import GOALS, Ended, execute, goals, invoke, nowhere, place_of
from tests.support.cluster import Cluster
from tests.support.factories import event, habits

#: The one command that has no end, and so no answer.
FOREVER = "worker"


def document(ended: Ended, code: int = 0) -> Any:
    """The answer of a command that ended as expected and said nothing else."""
    assert ended.code == code, ended.said
    return orjson.loads(ended.out)


def commands(group: click.Group = main, name: str = "") -> dict[str, click.Command]:
    """Every command that does something, by its whole name."""
    context = click.Context(group)
    found: dict[str, click.Command] = {}
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        assert command is not None
        whole = f"{name} {word}".strip()
        found |= commands(command, whole) if isinstance(command, click.Group) else {whole: command}
    return found


def written(folder: Path, events: list[dict[str, Any]]) -> str:
    path = folder / "events.jsonl"
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in events))
    return str(path)


@pytest.mark.parametrize("name", commands())
def test_every_command_has_examples_that_begin_as_they_are_typed(name: str) -> None:
    command = commands()[name]
    shown = lines_of(command.epilog)
    assert shown
    assert all(f"penchant {name}" in line for line in shown)
    ended = invoke(*name.split(), "--help")
    assert set(shown) <= {line.strip() for line in ended.out.splitlines()}


def test_every_command_that_ends_answers_in_json() -> None:
    silent = {name for name, one in commands().items()
              if not any("--json" in option.opts for option in one.params)}  # fmt: skip
    assert silent == {FOREVER}


def test_a_configuration_that_is_right(tmp_path: Path) -> None:
    found = document(invoke("check", goals(tmp_path), "--json"))
    assert found["events"] is None
    (goal,) = found["goals"]
    assert (goal["name"], goal["propensity"], goal["window"]) == ("churn", "churn", "1d")


def test_a_configuration_that_is_wrong_answers_with_the_place(tmp_path: Path) -> None:
    path = goals(tmp_path, GOALS.replace("1d", "1 day"))
    ended = invoke("check", path, "--json")
    (problem,) = document(ended, 2)["error"]["problems"]
    assert problem["source"] == path
    assert problem["place"] == "goals.churn.outcome.within"
    assert problem["line"] == 4
    assert ended.err.startswith("wrong: ")


def test_wrong_columns_answer_like_any_other_mistake(tmp_path: Path) -> None:
    ended = invoke("check", goals(tmp_path), "e.csv", "--column", "nonsense", "--json")
    assert document(ended, 2)["error"]["kind"] == "wrong"


def test_a_dry_run_answers_with_what_it_found(tmp_path: Path) -> None:
    log = habits(profiles=20, days=20)
    found = document(invoke("check", goals(tmp_path), written(tmp_path, log), "--json"))["events"]
    assert found["applied"] == len(log)
    assert found["profiles"] == 20
    (goal,) = found["goals"]
    assert goal["positives"] <= goal["labelled"] <= goal["tickets"]
    assert {one["kind"] for one in goal["findings"]} <= {"blocks", "look"}
    assert all(one["text"] for one in goal["findings"])


def test_a_backtest_answers_with_its_report(tmp_path: Path) -> None:
    events, folder = written(tmp_path, habits(profiles=20, days=20)), tmp_path / "out"
    ended = invoke("backtest", goals(tmp_path), events, "--out", str(folder), "--json")
    assert document(ended) == orjson.loads((folder / "report.json").read_bytes())
    assert ended.err == ""


def test_starting_answers_with_what_was_written(tmp_path: Path) -> None:
    found = document(invoke("init", str(tmp_path), "--json"))
    assert all(Path(path).exists() for path in found["written"])
    again = document(invoke("init", str(tmp_path), "--json"), 2)
    assert again["error"]["problems"][0]["expected"] == "a new one, or --force"


def test_no_broker_is_an_answer_too(tmp_path: Path) -> None:
    ended = execute("topics", goals(tmp_path), "--json", brokers=nowhere())
    error = document(ended, 1)["error"]
    assert error["kind"] == "failed"
    assert "no Kafka broker answers" in error["message"]


def test_a_demo_that_stays_has_no_end_to_answer_at() -> None:
    error = document(invoke("demo", "--keep", "--json"), 2)["error"]
    assert error["problems"][0]["place"] == "--json"


@pytest.mark.embedded
def test_topics_answer_before_and_after_they_are_created(embedded: Cluster, tmp_path: Path) -> None:
    place = place_of(embedded) | {"prefix": embedded.settings.prefix + "j"}
    count = len(wanted_topics(embedded.settings))
    before = document(invoke("topics", goals(tmp_path), "--json", **place), 1)
    assert before["state"] == "wrong"
    assert [one["problem"] for one in before["topics"]] == ["missing"] * count
    after = document(invoke("topics", goals(tmp_path), "--apply", "--json", **place))
    assert after["state"] == "right"
    assert {one["verdict"] for one in after["topics"]} == {"created"}
    assert all(one["partitions"] in {one["needs"], None} for one in after["topics"] if one["needs"])


@pytest.mark.embedded
def test_sending_answers_with_counts_and_reasons(embedded: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    right = [orjson.dumps(event(f"p{number}")) for number in range(3)]
    file.write_bytes(b"\n".join([*right, b"{", orjson.dumps(event("p1") | {"type": ""})]) + b"\n")
    ended = invoke("send", goals(tmp_path), str(file), "--json", **place_of(embedded))
    found = document(ended, 1)
    assert (found["sent"], found["refused"]) == (3, 2)
    assert found["reasons"] == {"not_json": 1, "bad_text": 1}
    assert found["topic"] == embedded.topics.events
    assert "line 4: not_json" in ended.err


@pytest.mark.embedded
def test_letters_answer_with_their_bytes(embedded: Cluster) -> None:
    headers = [("reason", b"not_json"), ("source_topic", embedded.topics.events.encode()),
               ("source_partition", b"0"), ("place", b"forged")]  # fmt: skip
    embedded.send([(None, b"\xff\x00")], embedded.topics.dlq, headers=headers)
    place = place_of(embedded)
    (listed,) = [orjson.loads(line) for line in
                 invoke("dlq", "list", "--json", **place).out.splitlines()]  # fmt: skip
    assert (listed["key"], listed["bytes"], listed["replayed"]) == (None, 2, False)
    shown = document(invoke("dlq", "show", listed["place"], "--json", **place))
    assert (shown["key_base64"], shown["value_base64"]) == (None, "/wA=")
    assert shown["reason"] == "not_json"
    sent = document(invoke("dlq", "replay", "--all", "--json", **place))
    assert sent == {"sent": 1, "before": 0, "impossible": []}
    absent = document(invoke("dlq", "show", "0/999999", "--json", **place), 1)
    assert absent["error"]["message"] == "no letter at 0/999999"
