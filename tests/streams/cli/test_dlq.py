"""Refused records are listed, shown, and sent again once."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from models.step import PlainRecord, Refusal
from streams.dead_letters import LONGEST, LONGEST_KEY, dead_letters
from streams.processes import penchant
from tests.support.cluster import Cluster, Worker, until
from tests.support.factories import START, event

CONFIG = """\
goals:
  churn:
    propensity: churn
    outcome: {will_not: {where: {field: type, equals: basket}}, within: 1d}
limits: {nesting: 2}
"""
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def letter(key: bytes | None, value: bytes | None) -> Any:
    refusal = Refusal(PlainRecord(key, value, 7), "not_json", "why")
    output = dead_letters("dlq", "events", 3, [refusal], NOW)
    return SimpleNamespace(
        key=output.records[0][0], value=output.records[0][1], headers=output.headers[0]
    )


def test_a_letter_keeps_the_bytes_as_they_came() -> None:
    for key, value in ((None, b"x"), (b"k", None), (b"\xff", b"\x00"), (b"", b"")):
        kept = letter(key, value)
        assert (kept.key, kept.value) == (key, value)


def test_a_letter_always_fits_into_a_record_and_says_what_was_cut() -> None:
    cut = letter(b"k" * 5_000_000, b"v" * 5_000_000)
    assert len(cut.key) == LONGEST_KEY
    assert len(cut.key) + len(cut.value) == LONGEST
    headers = dict(cut.headers)
    assert headers["truncated_key"] == headers["truncated"] == b"5000000"


def run(cluster: Cluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    place = ["--brokers", cluster.settings.brokers, "--prefix", cluster.settings.prefix]
    return subprocess.run(
        penchant("dlq", *arguments, *place), capture_output=True, text=True, check=False,
        env={"PENCHANT_GUARANTEE": cluster.settings.guarantee, "COLUMNS": "200"}, timeout=120,
    )  # fmt: skip


def count(worker: Worker, result: str) -> float:
    return worker.metrics().get(f"penchant_events_total/{result}", 0.0)


@pytest.mark.kafka
def test_letters_are_sent_again_once_after_a_fix(kafka: Cluster) -> None:
    """A limit was too low: it is raised, and what it refused is applied, each record once."""
    deep = [event(f"p{n}", START + n, properties={"a": {"b": {"c": n}}}) for n in range(20)]
    worker = kafka.worker(CONFIG).start().wait_ready()
    kafka.send((one["profile_id"].encode(), orjson.dumps(one)) for one in deep)
    kafka.send([(b"p1", b"{\x1b[2J"), (b"big", b"x" * 950_000)])
    until(lambda: count(worker, "refused") == 22, "everything to be refused")
    assert worker.stop() == 0

    listed = [orjson.loads(line) for line in run(kafka, "list", "--json").stdout.splitlines()]
    assert len(listed) == 22
    assert not any(one["replayed"] for one in listed)
    bad = next(one for one in listed if one["reason"] == "not_json")
    shown = run(kafka, "show", bad["place"]).stdout
    assert "not_json" in shown
    assert r"value: {\x1b[2J" in shown
    assert "\x1b[2J" not in shown
    assert run(kafka, "show", "0/999999").returncode == 1
    assert run(kafka, "show", "x").returncode == 2

    worker = kafka.worker(CONFIG.replace("nesting: 2", "nesting: 8")).start().wait_ready()
    some = run(kafka, "replay", "--reason", "too_deep", "--limit", "5")
    assert some.stdout.startswith("5 sent again, 0 had been before")
    rest = run(kafka, "replay", "--reason", "too_deep")
    assert rest.stdout.startswith("15 sent again, 5 had been before")
    again = run(kafka, "replay", "--reason", "too_deep")
    assert again.stdout.startswith("0 sent again, 20 had been before")
    until(lambda: count(worker, "applied") == 20, "what was sent again to be applied")
    cut = run(kafka, "replay", "--reason", "too_large")
    assert cut.returncode == 1
    assert "too large to be kept whole" in cut.stderr
    assert "20 of 20 letters" in run(kafka, "list", "--reason", "too_deep").stdout

    nowhere = run(kafka, "replay", "0/99999")
    assert nowhere.returncode == 1
    assert "0/99999: no letter there" in nowhere.stderr

    run(kafka, "replay", bad["place"])
    until(lambda: count(worker, "refused") == 1, "what is still wrong to be refused again")
    headers = [dict(one.headers) for one in kafka.read(kafka.topics.dlq)]
    assert [one["replayed_from"] for one in headers if "replayed_from" in one] == [
        bad["place"].encode()
    ]
    assert count(worker, "applied") == 20
