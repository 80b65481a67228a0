"""The worker's own looks at what its partitions do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP
from prometheus_client import CollectorRegistry

from streams.app import MOST_UNLEARNED, RepartitionedError, Worker
from streams.pace import RUN
from streams.settings import Settings
from tests.support.factories import config
from tests.support.transport import run


def test_a_partition_let_go_while_another_waits_for_its_lane_is_not_asked_to_idle() -> None:
    asked = []

    async def test() -> None:
        worker: Any = Worker(config(), Settings(), CollectorRegistry())
        worker.app.consumer = SimpleNamespace(positions=SimpleNamespace(caught_up=lambda *_: True))
        worker._busy_at = {0: 0.0, 1: 0.0}

        async def put(number: int, _: float) -> None:
            asked.append(number)
            worker._busy_at.clear()  # a rebalance has come meanwhile

        worker.score_lanes = SimpleNamespace(put=put)
        await worker._look()
        assert worker._busy_at == {}

    run(test)
    assert asked == [0]


def test_a_worker_stops_when_partitions_are_added_to_a_source() -> None:
    crashed: list[BaseException] = []

    async def test() -> None:
        worker: Any = Worker(config(), Settings(partitions=4), CollectorRegistry())
        counts = {worker.topics.events: 6, worker.topics.examples: 4}
        worker.app.consumer = SimpleNamespace(topic_partitions=counts.get)

        async def crash(error: BaseException) -> None:
            crashed.append(error)

        worker.app.crash = crash
        await worker._check()

    run(test)
    [error] = crashed
    assert isinstance(error, RepartitionedError)
    assert str(error).startswith("penchant.events has 6 partitions now, not 4: ")


def behind(events: int, examples: list[int]) -> tuple[Any, Any]:
    """A worker of whose events so many wait, and of whose examples first so many and then fewer."""
    worker: Any = Worker(config(), Settings(), CollectorRegistry())
    source, lesson = TP(worker.topics.events, 1), TP(worker.topics.examples, 0)
    seen = iter(examples)

    def lags(_: Any, tps: list[TP]) -> dict[TP, int]:
        return {source: events} if source in tps else {lesson: next(seen)}

    worker.app.consumer = SimpleNamespace(positions=SimpleNamespace(lags=lags))
    return worker, seen


@pytest.mark.parametrize(
    ("events", "examples", "looks"),
    [
        (RUN, [10**6, 10**6], 0),  # live: events wait for nobody, and nobody looks
        (10**6, [MOST_UNLEARNED, 10**6], 1),
        (10**6, [10**6, MOST_UNLEARNED + 1, MOST_UNLEARNED, 10**6], 3),
    ],
)
def test_a_backlog_of_events_waits_for_trainers_that_are_behind(
    events: int, examples: list[int], looks: int
) -> None:
    async def test() -> None:
        worker, seen = behind(events, examples)
        await worker.scoring.pause(1)
        assert len(list(seen)) == len(examples) - looks

    run(test)


def test_it_does_not_wait_for_trainers_that_never_catch_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.app.MOMENTS", 3)

    async def test() -> None:
        worker, seen = behind(10**6, [10**6] * 100)
        await worker.scoring.pause(1)
        assert len(list(seen)) == 97

    run(test)


def test_events_and_examples_wait_for_room_in_their_lanes_and_tables_for_nothing() -> None:
    worker: Any = Worker(config(), Settings(), CollectorRegistry())
    full = SimpleNamespace(has_room=lambda number: number != 1)
    worker.score_lanes = worker.train_lanes = full
    topics = (worker.topics.events, worker.topics.examples, worker.topics.profiles)
    rooms = [worker._has_room(TP(topic, number)) for topic in topics for number in range(2)]
    assert rooms == [True, False, True, False, True, True]
    assert worker.app.transport.has_room == worker._has_room


def test_short_steps_make_room_for_larger_ones() -> None:
    worker: Any = Worker(config(), Settings(), CollectorRegistry())
    lanes = worker.score_lanes
    assert lanes._portions.most() == RUN
    worker.scoring.took(RUN, 0.001)
    assert lanes._portions.most() == 2 * RUN
    small: Any = Worker(config(), Settings(run_records=7), CollectorRegistry())
    small.scoring.took(7, 0.0001)
    assert small.score_lanes._portions.most() == small.app.transport.max_run == 7
