"""``penchant worker`` says in a line why it does not start, or why it stops."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import pytest
from faust.types import TP

from streams.checkpoint import Transactional
from streams.security import client_options
from tests.streams.cli.running import GOALS, Ended, execute, goals, nowhere, place_of
from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.factories import START, habits


def refused(ended: Ended, code: int) -> str:
    """What a worker that did not start said: no traceback, no terminal's escapes."""
    assert ended.code == code
    assert "Traceback" not in ended.err
    assert "\x1b" not in ended.out + ended.err
    assert len(ended.err.strip().splitlines()) <= 12
    return ended.said


def test_a_wrong_configuration_is_said_before_anything_is_connected(tmp_path: Path) -> None:
    path = goals(tmp_path, GOALS.replace("propensity: churn", "propensity: chrun"))
    said = refused(execute("worker", path, brokers=nowhere()), 2)
    assert f"{path}: goals.churn.propensity (line 3): found" in said


def test_wrong_settings_are_said_by_their_names(tmp_path: Path) -> None:
    said = refused(execute("worker", goals(tmp_path), guarantee="sometimes"), 2)
    assert "PENCHANT_GUARANTEE: found 'sometimes', expected" in said


def test_a_variable_that_is_nearly_a_setting_is_warned_of(tmp_path: Path) -> None:
    ended = execute("worker", goals(tmp_path), brokers=nowhere(), web_prot="6067")
    assert "PENCHANT_WEB_PROT is no setting: is PENCHANT_WEB_PORT meant?" in ended.said


def test_a_wrong_option_is_said_by_its_name(tmp_path: Path) -> None:
    said = refused(execute("worker", goals(tmp_path), "--web-port", "99999"), 2)
    assert "the command line: --web-port: found 99999" in said


def test_a_taken_port_is_said_in_a_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        said = refused(execute("worker", goals(tmp_path), brokers=nowhere(), web_port=port), 1)
    assert f"failed: 127.0.0.1:{port}, where /metrics is to be served, cannot be had" in said
    assert "PENCHANT_WEB_PORT says which port to take instead" in said


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    folder = str(tmp_path / "taken" / "data")
    said = refused(execute("worker", goals(tmp_path), brokers=nowhere(), data_dir=folder), 2)
    assert f"{folder}: " in said
    assert "expected a folder that can be written" in said


@pytest.mark.embedded
def test_missing_topics_are_named_with_the_command_that_creates_them(
    embedded: Cluster, tmp_path: Path
) -> None:
    place = place_of(embedded) | {"prefix": embedded.settings.prefix + "y"}
    said = refused(execute("worker", goals(tmp_path), **place), 1)
    assert f"{place['prefix']}.events: missing" in said
    assert "penchant topics CONFIG --apply creates what is missing" in said


@pytest.mark.embedded
def test_wrong_partitions_are_named_with_what_to_do(embedded: Cluster, tmp_path: Path) -> None:
    said = refused(
        execute("worker", goals(tmp_path), **place_of(embedded) | {"partitions": "5"}), 1
    )
    assert f"{embedded.topics.events}: has 2 partitions, needs 5" in said
    assert "set PENCHANT_PARTITIONS to what the events topic has" in said


@pytest.mark.embedded
def test_a_broker_without_transactions_is_told_with_the_setting_for_it(embedded: Cluster) -> None:
    worker = embedded.worker(GOALS, guarantee="exactly_once").start()
    until(lambda: not worker.alive, "the worker to stop")
    assert worker.stop() == 1
    stops = [line for line in lines(worker) if "the worker stops" in line]
    assert len(stops) == 1
    assert "for a broker without transactions set PENCHANT_GUARANTEE=at_least_once" in stops[0]
    assert "Unclosed" not in worker.log.read_text()
    replay = execute("dlq", "replay", "--all", **place_of(embedded) | {"guarantee": "exactly_once"})
    assert replay.code == 1
    (said,) = replay.err.strip().splitlines()
    assert said.startswith("failed: the broker begins no transaction (UnknownError): for a broker")


def lines(worker: Worker) -> list[str]:
    """What a worker logged; every line is a record."""
    text = worker.log.read_text()
    assert "\x1b" not in text
    found = text.splitlines()
    for line in found:
        assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z [a-z]+ +[\w.]+ .", line), line
    return found


@pytest.mark.embedded
def test_a_worker_says_what_it_does_and_no_more(embedded: Cluster) -> None:
    worker = embedded.worker(GOALS).start().wait_ready()
    assert worker.stop() == 0
    said = lines(worker)
    assert "penchant worker starts goals=1" in said[0]
    assert "guarantee: at least once, in order" in said[1]
    ours = r"Z [a-z]+ +(penchant|streams\.(?!transport)[\w.]+) |Z (warning|error) +aiokafka"
    assert not [line for line in said if not re.search(ours, line)]


@pytest.mark.kafka
def test_a_fenced_worker_says_so_in_one_line_and_leaves_everything_to_the_next(
    kafka: Cluster,
) -> None:
    worker = kafka.worker(GOALS).start().wait_ready()
    log = habits(profiles=8, days=2, start=START)
    kafka.send(keyed(log[:20]))
    until(lambda: sum(kafka.committed().values()) == 20, "the first events to be committed")
    asyncio.run(fence(kafka))
    kafka.send(keyed(log[20:]))
    until(lambda: not worker.alive, "the worker to stop")
    assert worker.stop() == 1
    stops = [line for line in lines(worker) if "the worker stops" in line]
    assert len(stops) == 1
    assert "another worker has taken over partitions of this one" in stops[0]
    assert sum(kafka.committed().values()) == 20
    worker.start()
    until(lambda: sum(kafka.committed().values()) == len(log), "the rest to be committed")


async def fence(cluster: Cluster) -> None:
    """Take over all partitions, as a worker that starts would."""
    settings = cluster.settings
    successor = Transactional(
        settings.prefix, cluster.topics.sources, client_options(settings), 30.0
    )
    await successor.own({TP(cluster.topics.events, one) for one in range(settings.partitions)})
    await successor.stop()


@pytest.mark.kafka
def test_workers_may_be_stopped_while_their_group_rebalances(kafka: Cluster) -> None:
    """The second is told to stop when the first has just left."""
    workers = [kafka.worker(GOALS).start().wait_ready() for _ in range(2)]
    assert [worker.stop() for worker in workers] == [0, 0]
    for worker in workers:
        assert not [line for line in lines(worker) if re.search(r"Z (error|critical) ", line)]
