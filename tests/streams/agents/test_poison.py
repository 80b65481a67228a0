"""A record that crashes the engine: the rest goes on without it, and nothing else is left out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.engine import MOST_DUE
from models.goals.tickets import TicketBook
from models.partition import CLOCK_KEY
from models.poison import CRASH_KEY, crashes_of
from models.step import PlainRecord
from streams.agents.poison import MOST_ISOLATED, PoisonGuard, describe
from streams.tracebacks import place_of
from streams.transport.store import Rows
from tests.support.agents import Table, scoring_agent
from tests.support.factories import Bench, config, habits, records
from tests.support.poison import POISON, BuggyEngine, committed, letters
from tests.support.transport import Notes

PATIENCE = 3


class Life:
    """A worker that is started again whenever it stops; what is durable outlives it."""

    def __init__(self, patience: int = PATIENCE, most_due: int = MOST_DUE) -> None:
        self.patience = patience
        self.most_due = most_due
        self.log: list[Any] = []
        self.checkpoint = Notes(self.log, transactional=True)
        self.tables: Any = (Table(Rows()), Table(TicketBook()))
        self.crashes = 0
        self.guard = self._start()

    def _start(self) -> PoisonGuard:
        engine = BuggyEngine(config())
        agent = scoring_agent(engine, self.checkpoint, self.tables, self.most_due)
        return PoisonGuard(agent, self.patience)

    @property
    def profiles(self) -> dict[bytes, bytes]:
        """The table of profiles."""
        rows: dict[bytes, bytes] = self.tables[0].rows
        return rows

    @property
    def committed(self) -> int:
        """The next offset."""
        return committed(self.log)

    @property
    def letters(self) -> list[tuple[int, str, str]]:
        """Dead letters: source offset, reason, message."""
        return letters(self.log, stage=0)

    def live(self, log: list[PlainRecord], size: int, most: int = 100) -> None:
        """Go through a log, starting again after each crash."""
        while self.committed < len(log) and self.crashes < most:
            at = self.committed
            run = log[at : at + size]
            try:
                asyncio.run(self.guard.handle(0, run, run[-1].offset))
            except KeyError:
                self.crashes += 1
                size = max(size - 1, 1)  # runs are cut anew after a start
                self.guard = self._start()


def poisoned(log: list[PlainRecord], places: set[int]) -> list[PlainRecord]:
    return [
        one._replace(value=b'{"a": "%s"}' % POISON) if one.offset in places else one for one in log
    ]


LOG = records(habits(profiles=8, days=12))


@settings(max_examples=25, deadline=None)
@given(
    places=st.sets(st.integers(0, len(LOG) - 1), max_size=5),
    size=st.integers(1, 100),
    most_due=st.sampled_from([1, 5, MOST_DUE]),
)
def test_everything_but_the_poison_is_applied_and_the_poison_is_a_letter_each(
    places: set[int], size: int, most_due: int
) -> None:
    life, bench = Life(most_due=most_due), Bench(config())
    life.live(poisoned(LOG, places), size)
    bench.run([one for one in LOG if one.offset not in places])
    assert [(offset, reason) for offset, reason, _ in life.letters] == [
        (place, "poison") for place in sorted(places)
    ]
    assert crashes_of(life.profiles) is None
    expected = {key: value for key, value in bench.partition.profiles.items() if key != CLOCK_KEY}
    assert {key: value for key, value in life.profiles.items() if key != CLOCK_KEY} == expected
    assert dict(life.tables[1].rows) == dict(bench.partition.tickets)
    assert life.crashes <= PATIENCE * len(places)
    assert life.committed == len(LOG)


def test_it_crashes_as_often_as_the_setting_says_before_the_record_is_looked_for() -> None:
    for patience in (1, 2, 5):
        life = Life(patience)
        life.live(poisoned(LOG, {40}), size=64)
        assert life.crashes == patience
        (letter,) = life.letters
        assert letter[:2] == (40, "poison")
        assert letter[2].startswith("KeyError in poison.py:")
        assert letter[2].endswith(": 'poison'")


def test_several_in_a_run_cost_the_crashes_of_one() -> None:
    life = Life()
    life.live(poisoned(LOG, {3, 4, 30}), size=64)
    assert life.crashes == PATIENCE
    assert len(life.letters) == 3


def test_where_isolation_is_off_it_crashes_for_ever_and_writes_nothing() -> None:
    life = Life(patience=0)
    life.live(poisoned(LOG, {0}), size=64, most=10)
    assert life.crashes == 10
    assert life.log == []


def test_a_bug_that_every_record_meets_gives_few_of_them_up_between_crashes() -> None:
    life = Life()
    life.live(poisoned(LOG, set(range(len(LOG)))), size=64, most=PATIENCE)
    assert life.letters == []
    life.live(poisoned(LOG, set(range(len(LOG)))), size=64, most=PATIENCE + 1)
    assert len(life.letters) == MOST_ISOLATED
    noted = crashes_of(life.profiles)
    assert noted is not None
    assert (noted.first, noted.number) == (MOST_ISOLATED, 1)


def test_a_mended_program_applies_the_run_and_forgets_the_crashes() -> None:
    life = Life()
    life.live(poisoned(LOG, {10}), size=64, most=PATIENCE)
    assert CRASH_KEY in life.profiles
    life.live(LOG, size=64)
    assert life.letters == []
    assert CRASH_KEY not in life.profiles


def test_a_checkpoint_that_fails_is_no_crash_of_the_engine() -> None:
    life = Life()
    life.checkpoint.failure = OSError("the broker is gone")
    with pytest.raises(OSError, match="the broker is gone"):
        asyncio.run(life.guard.handle(0, LOG[:10], 9))
    assert CRASH_KEY not in life.profiles
    assert len(life.log) == 1


def test_an_error_is_told_by_its_kind_its_place_and_in_a_letter_what_it_says() -> None:
    with pytest.raises(ValueError, match="secret") as caught:
        int("secret\nof p1")
    assert place_of(caught.value).startswith("ValueError in test_poison.py:")
    assert "secret" not in place_of(caught.value)
    assert "secret" in describe(caught.value)
    assert "\n" not in describe(ValueError("of\np1"))
    assert len(describe(ValueError("x" * 10_000))) == 500
