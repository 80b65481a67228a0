"""At least once, in order: partitions that are handed over in peace are not read twice."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from itertools import takewhile

import pytest

from tests.support.cluster import Cluster, Worker, keyed, until
from tests.support.factories import habits
from tests.support.questions import churn_and_coupon

pytestmark = pytest.mark.kafka

CONFIG = churn_and_coupon(every="1d", coupon_every="2d")
#: Seconds between two events; there are enough of them for the slowest machine.
PAUSE = 0.01


def replayed(workers: list[Worker]) -> dict[str, float]:
    """Events and examples that workers have met again, by where."""
    found: dict[str, float] = defaultdict(float)
    for worker in workers:
        for name, value in worker.metrics().items():
            if name.endswith("_total/replayed"):
                found[name] += value
    return dict(found)


def come_and_go(first: Worker, second: Worker) -> dict[str, float]:
    """A worker joins another and is told to stop; what was read again."""
    second.start().wait_ready()
    until(lambda: second.metrics().get("penchant_events_total/applied", 0) > 20, "its share")
    found = replayed([first, second])
    assert second.stop() == 0
    return found


def test_workers_that_join_and_leave_in_order_replay_nothing(ordered: Cluster) -> None:
    """One is joined by another, which is then told to stop; all under load."""
    first, second = (ordered.worker(CONFIG) for _ in range(2))
    first.start().wait_ready()
    over = threading.Event()
    log = keyed(takewhile(lambda _: not over.is_set(), habits(profiles=60, days=900)))
    sending = threading.Thread(target=ordered.send, args=(log, "", PAUSE))
    sending.start()
    try:
        found = [come_and_go(first, second) for _ in range(3)]
    finally:
        over.set()
        sending.join()
    assert all(set(one.values()) == {0} for one in found), found
    ends = Counter(record.partition for record in ordered.read(ordered.topics.events))
    until(lambda: ordered.committed() == dict(ends), "all events to be committed")
    assert set(replayed([first]).values()) <= {0}, replayed([first])
    scores = [(one.key, one.value) for one in ordered.read(ordered.topics.scores)]
    assert len(scores) == len(set(scores))
