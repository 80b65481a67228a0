"""At least once, in order: workers that are killed lose nothing, and what is double is told."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from typing import Any

import orjson
import pytest

from models.config.loader import load_config
from streams.processes import python
from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.factories import START, event, habits
from tests.support.left import all_learned, examples_of, handled, learned, plain_example
from tests.support.questions import AT_ONCE, churn_and_coupon
from tests.support.replay import tables_are_those_of_the_engine_alone

pytestmark = pytest.mark.kafka

CONFIG = churn_and_coupon(every="1d", coupon_every="2d")
SECONDS = 25.0
#: At any moment, and after one stage or two of a run's three: tests/support/halfway.py.
ANYTIME, AFTER_SCORES, AFTER_TICKETS = signal.SIGKILL, signal.SIGHUP, signal.SIGALRM
KILLS = [AFTER_TICKETS, ANYTIME, AFTER_SCORES] * 2
#: Of a score that comes twice: what cannot differ, and what depends on more than its events and its
#: model, on the profiles beside it and on how records were cut into runs (docs/reliability.md).
OWED_TO_EVENTS = ["goal", "goal_version", "propensity", "profile_id", "timestamp", "source"]
OWED_TO_OTHERS = ["percentile", "previous"]
Score = dict[str, Any]
#: By key, each in the order in which they were said.
Scores = dict[bytes, list[Score]]


def mortal(cluster: Cluster, config: str) -> Worker:
    """A worker that can be told to die in the middle of a run."""
    # Models that change less often than workers die: some doubles are of the same model.
    worker = cluster.worker(config, snapshot_every="2")
    worker.program = python("-m", "tests.support.halfway")
    return worker


def kill_by_turns(workers: list[Worker]) -> None:
    for number, how in enumerate(KILLS):
        time.sleep(SECONDS / len(KILLS))
        die(workers[number % 2], how)
        workers[number % 2].start()


def die(worker: Worker, how: signal.Signals) -> None:
    worker.send_signal(how)
    with suppress(AssertionError):  # who has no partition at the moment is in no run
        until(lambda: not worker.alive, "its death", patience=10.0)
    worker.kill()


def test_workers_killed_by_turns_lose_nothing_and_what_is_double_is_told_by_its_ids(
    ordered: Cluster,
) -> None:
    log = habits(profiles=60, days=60, start=START)
    workers = [mortal(ordered, CONFIG).start() for _ in range(2)]
    for worker in workers:
        worker.wait_ready()
    sending = threading.Thread(target=ordered.send, args=(keyed(log), "", SECONDS / len(log)))
    sending.start()
    kill_by_turns(workers)  # here, for workers end with the thread that started them
    sending.join()
    all_events_are_committed(ordered)
    expected = tables_are_those_of_the_engine_alone(ordered, load_config(CONFIG, "goals.yaml"))
    until(lambda: learned(ordered) == {goal: len(one) for goal, one in expected.items()}, "lessons")
    examples_are_all_there_and_doubles_alike(ordered, expected)
    scores = scores_of(ordered)
    scores_say_which_events_they_are_of(scores, events_of(ordered))
    assert scores_of_runs_done_again(scores) > 0
    doubles_that_are_alike(scores)  # if any: a run done again is mostly a longer one


def test_a_run_done_again_with_the_model_that_there_was_says_the_same_scores_byte_for_byte(
    ordered: Cluster,
) -> None:
    log = habits(profiles=20, days=4)
    worker = mortal(ordered, AT_ONCE).start().wait_ready()
    ordered.send(keyed(log))
    until(lambda: handled(worker) == len(log) and all_learned(ordered), "the events to be learned")
    version = learned(ordered)["churn"]
    until(lambda: worker.metrics()["penchant_model_version/churn"] == version, "its adoption")
    worker.send_signal(AFTER_SCORES)
    # At a time that the clock knows: no ticket closes, and the model stays what it is.
    ordered.send(keyed(event(f"p{number}", log[-1]["timestamp"]) for number in range(20)))
    until(lambda: not worker.alive, "its death")
    worker.start()
    all_events_are_committed(ordered)
    doubles = doubles_that_are_alike(scores_of(ordered))
    assert doubles
    assert {one["model_version"] for double in doubles for one in double} == {version}


def all_events_are_committed(cluster: Cluster) -> None:
    ends = Counter(record.partition for record in cluster.read(cluster.topics.events))
    until(lambda: cluster.committed() == dict(ends), "all events to be committed")


def events_of(cluster: Cluster) -> dict[bytes, list[int]]:
    found: dict[bytes, list[int]] = defaultdict(list)
    for one in cluster.read(cluster.topics.events):
        found[one.key].append(one.offset)
    return found


def scores_of(cluster: Cluster) -> Scores:
    found: Scores = defaultdict(list)
    for score in cluster.read(cluster.topics.scores):
        found[score.key].append(orjson.loads(score.value))
    return found


def examples_are_all_there_and_doubles_alike(cluster: Cluster, expected: Any) -> None:
    for goal, examples in examples_of(cluster).items():
        found: dict[str, set[bytes]] = defaultdict(set)
        for one in examples:
            found[one.ticket_id].add(plain_example(one))
        assert found.keys() == {one.ticket_id for one in expected[goal]}
        assert max(map(len, found.values())) == 1


def scores_say_which_events_they_are_of(scores: Scores, events: dict[bytes, list[int]]) -> None:
    """Each an event of its profile, and the last one the last."""
    assert len(scores) == 2 * len(events)
    for key, said in scores.items():
        of_profile = events[key.partition(b"/")[2]]
        offsets = [one["source"]["offset"] for one in said]
        assert set(offsets) <= set(of_profile)
        assert offsets[-1] == of_profile[-1]


def scores_of_runs_done_again(scores: Scores) -> int:
    """How many say another score before them than the last one; all say one that was said."""
    passing_over = 0
    for said in scores.values():
        before: list[dict[str, Any] | None] = [None]
        for one in said:
            assert one.get("previous") in before
            passing_over += one.get("previous") != before[-1]
            before.append({name: one[name] for name in ("score", "timestamp")})
    return passing_over


def doubles_that_are_alike(scores: Scores) -> list[list[Score]]:
    """What was said more than once of a state at a moment: of one model it is the same."""
    doubles = [double for said in scores.values() for double in doubles_in(said)]
    for double in doubles:
        assert len({owed_to_events(one) for one in double}) == 1
        by_model: dict[int, set[bytes]] = defaultdict(set)
        for one in double:
            by_model[one["model_version"]].add(owed_to_events_and_model(one))
        assert max(map(len, by_model.values())) == 1
    return doubles


def doubles_in(said: list[Score]) -> list[list[Score]]:
    """By their ids: of the same key, source and timestamp."""
    found: dict[tuple[bytes, str], list[Score]] = defaultdict(list)
    for one in said:
        found[orjson.dumps(one["source"]), one["timestamp"]].append(one)
    return [double for double in found.values() if len(double) > 1]


def owed_to_events(score: Score) -> bytes:
    return orjson.dumps({name: score[name] for name in OWED_TO_EVENTS})


def owed_to_events_and_model(score: Score) -> bytes:
    return orjson.dumps({name: one for name, one in score.items() if name not in OWED_TO_OTHERS})
