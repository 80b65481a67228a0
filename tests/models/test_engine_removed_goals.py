"""Scores of goals that are no more: withdrawn from everybody, and erasure reaches them."""

from __future__ import annotations

import itertools
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.config.durations import DAY, HOUR
from models.config.schema import Config
from models.engine import Engine
from models.errors import StateError
from models.goals.tickets import ABANDONED_AFTER, TicketBook, id_of
from models.learning.snapshot import Snapshot
from models.profiles.codec import unpack
from models.scoring import board
from models.scoring.roster import GOALS_KEY, roster_of
from models.step import PlainRecord, Step
from tests.support.factories import (
    BASKET,
    COUPON,
    START,
    Bench,
    config,
    event,
    goal,
    habits,
    records,
    trained,
)

CHURN, BUYS = (
    goal(),
    goal(propensity="conversion", outcome={"will": {"where": BASKET}, "within": "1d"}),
)
BOTH = config({"churn": CHURN, "buys": BUYS})
ONE = config({"churn": CHURN})
#: The same goal, another question.
CHANGED = config({"churn": goal(outcome={"will_not": {"where": COUPON}, "within": "1d"})})
NEVER = config({"churn": goal(outcome={"will_not": {"where": COUPON}, "within": "1d"},
                              eligible={"where": COUPON, "in_last": "1d"})})  # fmt: skip


def snapshots(questions: Config) -> list[Snapshot]:
    steps = Bench(questions).run(records(habits(20, 10)))
    return [trained(questions, name, steps).snapshot() for name in questions.goals]


LEARNED = {id(one): snapshots(one) for one in (BOTH, ONE, CHANGED, NEVER)}


class Deployments(Bench):
    """A partition whose workers are given one configuration after the other."""

    def __init__(self) -> None:
        super().__init__(BOTH)
        #: What a reader of the compacted topic of scores sees.
        self.seen: dict[str, dict[str, Any]] = {}
        self.deploy(BOTH)

    def deploy(self, questions: Config, *, speaks: bool = True) -> None:
        """Start anew with a configuration."""
        old = self.partition
        self.engine = Engine(questions)
        if speaks:
            for one in LEARNED[id(questions)]:
                assert self.engine.adopt(one)
        self.partition = self.open(old)

    def _taken(self, step: Step) -> Step:
        for key, value in step.scores:
            if value is None:
                self.seen.pop(key.decode(), None)
            else:
                self.seen[key.decode()] = orjson.loads(value)
        return super()._taken(step)


def scored(profiles: int = 3) -> Deployments:
    """Profiles p0, p1, ... with scores of both goals."""
    bench = Deployments()
    bench.step(records([event(f"p{n}", START + n) for n in range(profiles)]))
    assert len(bench.seen) == 2 * profiles
    return bench


def test_scores_of_a_removed_goal_are_withdrawn_without_an_event() -> None:
    bench = scored()
    bench.deploy(ONE)
    assert len(bench.partition.roster.leaving) == 3
    step = bench.idle(0)
    assert sorted(step.scores) == [(b"buys/p0", None), (b"buys/p1", None), (b"buys/p2", None)]
    assert step.counts["withdrawn"] == 3
    assert set(bench.seen) == {"churn/p0", "churn/p1", "churn/p2"}
    assert not bench.partition.roster.leaving
    assert bench.idle(0).scores == []


def test_open_tickets_of_a_removed_goal_are_let_go_after_a_long_time() -> None:
    bench = Deployments()
    for day in range(3):
        bench.step(records([event(f"p{n}", START + day * DAY + n) for n in range(3)], 3 * day))
    old = goals_with_tickets(bench)
    bench.deploy(ONE)
    bench.idle(ABANDONED_AFTER - 4 * DAY)
    assert goals_with_tickets(bench) == old
    bench.idle(4 * DAY)
    assert goals_with_tickets(bench) <= set(bench.engine.compiled.by_key) < old


def goals_with_tickets(bench: Bench) -> set[int]:
    return {id_of(one)[0] for _, held in bench.partition.tickets for one in held}


def test_a_profile_that_an_event_touches_is_not_withdrawn_twice() -> None:
    bench = scored()
    bench.deploy(ONE)
    step = bench.step(records([event("p1", START + HOUR)], 3))
    assert [key for key, value in step.scores if value is None].count(b"buys/p1") == 1
    bench.deploy(ONE)
    assert bench.idle(0).scores == []
    assert set(bench.seen) == {"churn/p0", "churn/p1", "churn/p2"}


def test_many_are_withdrawn_some_at_a_time_and_a_new_worker_goes_on_where_the_last_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(board, "MOST_RETIRED", 2)
    bench = scored(7)
    bench.deploy(ONE)
    bench.idle(0)
    assert sum(key.startswith("buys/") for key in bench.seen) == 5
    bench.deploy(ONE)
    assert len(bench.partition.roster.leaving) == 5
    withdrawn = [bench.idle(0).counts["withdrawn"] for _ in range(4)]
    assert withdrawn == [2, 2, 1, 0]
    assert not any(key.startswith("buys/") for key in bench.seen)


def test_names_are_forgotten_once_nothing_lies_under_them() -> None:
    bench = scored()
    assert sorted(roster_of(bench.partition.profiles).names.values()) == ["buys", "churn"]
    bench.deploy(ONE)
    bench.idle(0)
    bench.deploy(ONE)
    bench.step(records([event("p1", START + HOUR)], 3))
    assert list(roster_of(bench.partition.profiles).names.values()) == ["churn"]


def test_erasing_a_profile_reaches_the_scores_of_removed_goals() -> None:
    bench = scored()
    bench.deploy(ONE)
    bench.partition.roster.leaving.clear()  # before their turn has come
    step = bench.step([PlainRecord(b"p1", None, 3)])
    assert set(step.scores) == {(b"churn/p1", None), (b"buys/p1", None)}
    assert bench.engine.board.names(bench.partition) == ["churn", "buys"]
    assert not any(key.endswith("/p1") for key in bench.seen)


def test_scores_of_a_changed_goal_stand_until_its_new_model_speaks() -> None:
    bench = scored()
    before = bench.seen["churn/p1"]
    bench.deploy(CHANGED, speaks=False)
    bench.step(records([event("p1", START + HOUR)], 3))
    assert bench.seen["churn/p1"] == before
    bench.deploy(CHANGED)
    bench.step(records([event("p1", START + 2 * HOUR)], 4))
    assert bench.seen["churn/p1"]["goal_version"] != before["goal_version"]
    assert len(unpack(bench.partition.profiles[b"p1"]).scores) == 1
    assert bench.seen["churn/p2"]["goal_version"] == before["goal_version"]


def test_when_it_speaks_who_is_not_eligible_loses_the_score_of_the_old_question() -> None:
    bench = scored()
    bench.deploy(NEVER)
    bench.step(records([event("p1", START + HOUR)], 3))
    assert "churn/p1" not in bench.seen
    assert unpack(bench.partition.profiles[b"p1"]).scores == {}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["both", "one", "changed", "event", "erase", "idle"]), max_size=14))
def test_what_stands_is_what_profiles_say_stands_whatever_is_deployed(acts: list[str]) -> None:
    """Whatever happens, no score lies in the topic that no profile's state knows of."""
    bench, offsets = scored(), itertools.count(3)
    deployed = {"both": BOTH, "one": ONE, "changed": CHANGED}
    for place, act in enumerate(acts, 1):
        name = f"p{place % 3}"
        if act in deployed:
            bench.deploy(deployed[act])
        elif act == "event":
            bench.step(records([event(name, START + place * HOUR)], next(offsets)))
        elif act == "erase":
            bench.step([PlainRecord(name.encode(), None, next(offsets))])
        else:
            bench.idle(0)
    bench.idle(0)
    names = bench.partition.roster.names
    held = {
        f"{names[key]}/{profile.decode()}"
        for profile, packed in bench.partition.profiles.items()
        if not profile.startswith(b"\x00")
        for key in unpack(packed).scores
    }
    assert set(bench.seen) == held
    assert {key.partition("/")[0] for key in held} <= bench.engine.config.goals.keys()


def test_a_roster_of_a_newer_version_or_a_damaged_one_is_refused() -> None:
    for packed in (b"", b"\x02{}", b"\x01{", b"\x01[1]", b'\x01{"a":"b"}'):
        with pytest.raises(StateError, match="names of goals"):
            Engine(ONE).open(0, {GOALS_KEY: packed}, TicketBook())


def test_rows_that_are_no_profiles_are_not_counted_as_such() -> None:
    bench = scored()
    assert GOALS_KEY in bench.partition.profiles
    assert bench.partition.held == 3
