"""Where no broker answers every command says so in a line, and soon."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson

from tests.streams.cli.running import execute, goals, invoke, nowhere
from tests.support.factories import event


def test_every_command_says_that_no_broker_answers(tmp_path: Path) -> None:
    """Side by side: each waits five seconds for the broker."""
    address, config, events = nowhere(), goals(tmp_path), tmp_path / "events.jsonl"
    events.write_bytes(orjson.dumps(event("p1")))
    commands = [("worker", config), ("topics", config), ("send", config, str(events)), ("watch",)]
    with ThreadPoolExecutor(len(commands)) as pool:
        running = [pool.submit(execute, *command, brokers=address) for command in commands]
    for command, ended in zip(commands, (one.result() for one in running), strict=True):
        assert ended.code == 1, command
        assert ended.err.startswith(f"failed: no Kafka broker answers at {address}"), command
        assert "PENCHANT_BROKERS says where to look" in ended.err
        assert len(ended.err.splitlines()) == 1, command
        assert ended.out == ""


def test_a_file_that_cannot_be_sent_is_said_before_the_broker_is_asked(tmp_path: Path) -> None:
    ended = invoke("send", goals(tmp_path), str(tmp_path / "none.jsonl"), brokers=nowhere())
    assert ended.code == 2
    assert "none.jsonl: the file: found no such file, expected a file of events" in ended.err
