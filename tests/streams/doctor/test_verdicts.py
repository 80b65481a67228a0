"""Verdicts: every fact that should worry somebody does, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from streams.doctor import verdicts
from streams.doctor.verdicts import Held, Model, Verdict


def test_brokers_have_to_be_new_enough() -> None:
    assert verdicts.of_version((4, 1), 1).state == "right"
    assert verdicts.of_version((2, 5), 3).state == "right"
    assert verdicts.of_version((2, 4), 3).state == "wrong"


@pytest.mark.parametrize(
    ("facts", "state", "advice"),
    [
        (("missing", 0, 0), "wrong", "--apply"),
        (("has 4 partitions, needs 8", 0, 0), "wrong", "PENCHANT_PARTITIONS"),
        ((None, 2, 0), "wrong", "broker"),
        ((None, 0, 1), "warning", "replicas"),
        ((None, 0, 0), "right", ""),
    ],
)
def test_topics_are_there_and_can_be_written(facts: Any, state: str, advice: str) -> None:
    found = verdicts.of_partitions("penchant.events", *facts)
    assert verdicts.worst_of(found) == state
    assert advice in "".join(one.advice for one in found)


def test_a_topic_outlives_a_broker_where_there_are_enough() -> None:
    assert verdicts.of_replicas("t", replicas=1, brokers=1) is None
    assert verdicts.of_replicas("t", replicas=3, brokers=5) is None
    found = verdicts.of_replicas("t", replicas=1, brokers=3)
    assert found is not None
    assert found.state == "warning"


@pytest.mark.parametrize("policy", ["delete", "compact,delete"])
def test_a_changelog_that_something_deletes_is_wrong(policy: str) -> None:
    assert verdicts.of_cleanup("t", "compact") is None
    found = verdicts.of_cleanup("t", policy)
    assert found is not None
    assert found.state == "wrong"


def test_a_right_that_is_missing_is_named() -> None:
    assert verdicts.of_rights("topic t", ["READ", "WRITE", "ALTER"], {"READ", "WRITE"}) is None
    assert verdicts.of_rights("topic t", None, {"READ"}) is None  # the broker does not say
    found = verdicts.of_rights("topic t", ["READ"], {"READ", "WRITE"})
    assert found is not None
    assert (found.state, found.found) == ("wrong", "no right to write")
    assert "--operation Write" in found.advice


@pytest.mark.parametrize(
    ("state", "members", "verdict"),
    [("Stable", 2, "right"), ("PreparingRebalance", 2, "warning"), ("Empty", 0, "warning")],
)
def test_workers_are_there_and_settled(state: str, members: int, verdict: str) -> None:
    assert verdicts.of_group("penchant", state, members).state == verdict


@pytest.mark.parametrize(
    ("waiting", "before", "after", "state"),
    [
        ({}, {0: 100}, {0: 100}, "right"),
        ({0: 300}, {0: 100}, {0: 200}, "right"),
        ({0: 400}, {0: 100}, {0: 100}, "wrong"),
        ({0: 500}, {}, {}, "wrong"),
        ({1: 400}, {0: 100, 1: 100}, {0: 500, 1: 100}, "wrong"),
        ({0: 450}, {}, {0: 50}, "right"),
    ],
)
def test_offsets_move_where_records_wait(
    waiting: dict[int, int], before: dict[int, int], after: dict[int, int], state: str
) -> None:
    assert verdicts.of_progress("penchant.events", waiting, before, after, 3.0).state == state


def test_partitions_that_stand_still_are_named() -> None:
    found = verdicts.of_progress("t", {0: 5, 3: 8, 5: 8}, {0: 1, 3: 1, 5: 1}, {0: 4, 3: 1, 5: 1}, 2)
    assert "partitions 3, 5 stand still" in found.found


def test_a_transaction_that_is_open_is_a_warning_and_one_that_was_forgotten_is_wrong() -> None:
    assert verdicts.of_held("t", [], 3.0) is None
    taking_its_time = verdicts.of_held("t", [Held(0, 4, 7), Held(2, 6, 9, 4001, 899.0)], 3.0)
    assert taking_its_time is not None
    assert taking_its_time.state == "warning"
    assert "10 offsets cannot be read" in taking_its_time.found
    assert "partition 2 from offset 9, producer 4001" in taking_its_time.found
    forgotten = verdicts.of_held("t", [Held(2, 6, 9, 4001, 901.0)], 3.0)
    assert forgotten is not None
    assert forgotten.state == "wrong"
    assert "abort --topic t --partition 2 --start-offset 9" in forgotten.advice


@pytest.mark.parametrize(
    ("ahead", "state"),
    [(None, "right"), (-86_400.0, "right"), (0.9, "right"), (2.0, "warning"), (60.0, "wrong")],
)
def test_clocks_agree(ahead: float | None, state: str) -> None:
    assert verdicts.of_clock(ahead).state == state


@pytest.mark.parametrize(
    ("known", "state", "said"),
    [
        (None, "warning", "none yet"),
        (Model("other", 9, 9, 1.0), "warning", "another definition"),
        (Model("v1", 900, 800, 59.0), "right", "version 900, 800 examples, 59 s old"),
        (Model("v1", 900, 8_000, 7_300.0), "warning", "8,000 examples, 2 h old"),
        (Model("v1", 900, 800, 200_000.0), "warning", "2 d old"),
    ],
)
def test_a_goal_has_a_young_model_of_its_own(known: Model | None, state: str, said: str) -> None:
    found = verdicts.of_model("churn", "v1", known)
    assert found.state == state
    assert said in found.found


def test_where_three_have_a_record_two_of_them_have_to_have_acknowledged_it() -> None:
    assert verdicts.of_in_sync("t", replicas=3, in_sync=2) is None
    assert verdicts.of_in_sync("t", replicas=1, in_sync=1) is None
    found = verdicts.of_in_sync("t", replicas=3, in_sync=1)
    assert found is not None
    assert found.state == "warning"
    assert "min.insync.replicas=2" in found.advice


def test_refused_records_are_worth_a_look() -> None:
    assert verdicts.of_letters(0).state == "right"
    assert verdicts.of_letters(3).state == "warning"


def test_the_worst_verdict_counts() -> None:
    right, warning, wrong = (Verdict("a", state, "") for state in ("right", "warning", "wrong"))
    assert verdicts.worst_of([]) == "right"
    assert verdicts.worst_of([right, warning]) == "warning"
    assert verdicts.worst_of([warning, wrong, right]) == "wrong"


def test_whatever_is_not_right_says_what_to_do() -> None:
    found = [
        verdicts.of_version((2, 0), 1), *verdicts.of_partitions("t", "missing", 0, 0),
        *verdicts.of_partitions("t", None, 1, 1), verdicts.of_replicas("t", 1, 3),
        verdicts.of_cleanup("t", "delete"), verdicts.of_rights("t", [], ["READ"]),
        verdicts.of_in_sync("t", 3, 1),
        verdicts.of_group("g", "Empty", 0), verdicts.of_group("g", "Dead", 1),
        verdicts.of_progress("t", {0: 9}, {}, {}, 1), verdicts.of_held("t", [Held(0, 4, 7)], 3),
        verdicts.of_clock(9.0), verdicts.of_model("g", "v", None), verdicts.of_letters(1),
    ]  # fmt: skip
    assert all(one is not None and one.state != "right" and one.advice for one in found)
