"""``penchant send`` sends what is right, keyed, and shows what is not."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import orjson
import pytest
from aiokafka.partitioner import DefaultPartitioner

from models.config.durations import SECOND
from streams.cli.send import MOST_SHOWN, Pace
from tests.streams.cli.running import goals, invoke, place_of
from tests.support.cluster import Cluster
from tests.support.factories import START, event


def lines(folder: Path, *values: bytes) -> str:
    path = folder / "events.jsonl"
    path.write_bytes(b"\n".join(values) + b"\n")
    return str(path)


@pytest.mark.embedded
def test_events_arrive_keyed_by_profile_as_they_are_in_the_file(
    embedded: Cluster, tmp_path: Path
) -> None:
    events = [orjson.dumps(event(f"p{number % 5}")) for number in range(40)]
    ended = invoke("send", goals(tmp_path), lines(tmp_path, *events), **place_of(embedded))
    assert (ended.code, ended.said) == (0, "40 events sent, 0 refused")
    records = embedded.read(embedded.topics.events)
    assert sorted(record.value for record in records) == sorted(events)
    partitions = list(range(embedded.settings.partitions))
    for record in records:
        assert record.key == orjson.loads(record.value)["profile_id"].encode()
        assert record.partition == DefaultPartitioner()(record.key, partitions, partitions)
    for key in {record.key for record in records}:
        own = [record.value for record in records if record.key == key]
        assert own == [one for one in events if orjson.loads(one)["profile_id"].encode() == key]


@pytest.mark.embedded
def test_wrong_events_are_shown_with_their_line_and_not_sent(
    embedded: Cluster, tmp_path: Path
) -> None:
    right = orjson.dumps(event("p1"))
    file = lines(tmp_path, right, b"{", b"", orjson.dumps(event("p1") | {"type": ""}))
    ended = invoke("send", goals(tmp_path), file, **place_of(embedded))
    assert ended.code == 1
    assert "1 events sent, 2 refused" in ended.out
    assert "line 2: not_json" in ended.err
    assert "line 4: bad_text" in ended.err
    assert [record.value for record in embedded.read(embedded.topics.events)] == [right]


@pytest.mark.embedded
def test_columns_are_mapped_as_a_backtest_maps_them(embedded: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "buys.csv"
    file.write_text("user,timestamp,amount\np7,2026-01-01T00:00:00Z,3\n")
    layout = ("--column", "profile_id=user", "--column", "event_id=#", "--set", "type=buy")
    ended = invoke("send", goals(tmp_path), str(file), *layout, **place_of(embedded))
    assert (ended.code, ended.said) == (0, "1 events sent, 0 refused")
    (record,) = embedded.read(embedded.topics.events)
    assert record.key == b"p7"
    assert orjson.loads(record.value) == {
        "event_id": "line-2", "profile_id": "p7", "timestamp": "2026-01-01T00:00:00Z",
        "type": "buy", "properties": {"amount": 3},
    }  # fmt: skip


@pytest.mark.embedded
def test_not_every_wrong_line_is_shown(embedded: Cluster, tmp_path: Path) -> None:
    file = lines(tmp_path, *[b"{"] * (MOST_SHOWN + 5))
    ended = invoke("send", goals(tmp_path), file, **place_of(embedded))
    assert ended.err.count("not_json") == MOST_SHOWN
    assert f"0 events sent, {MOST_SHOWN + 5} refused" in ended.out


@pytest.mark.embedded
def test_a_file_that_is_not_there_is_a_mistake_of_the_user(
    embedded: Cluster, tmp_path: Path
) -> None:
    ended = invoke("send", goals(tmp_path), str(tmp_path / "no.jsonl"), **place_of(embedded))
    assert ended.code == 2
    assert "no.jsonl: the file: found no such file, expected a file of events" in ended.said


def test_the_pace_is_that_of_event_time() -> None:
    async def sent() -> float:
        pace = Pace(100.0)
        started = time.monotonic()
        for number in range(4):
            await pace.wait(START + number * 10 * SECOND)
        return time.monotonic() - started

    assert asyncio.run(sent()) >= 0.3
