"""A run is made durable in one step, or in several where a great deal falls due at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from models.config.durations import DAY
from models.goals.tickets import TicketBook
from models.step import PlainRecord
from streams.agents.score import ScoringAgent
from streams.transport.store import Rows
from tests.support.agents import Table, scoring_agent
from tests.support.factories import START, Bench, config, event, records
from tests.support.poison import TOPICS
from tests.support.transport import Notes

PROFILES = 40
#: Everybody once; a month later somebody, and somebody else whose event confirms it.
QUIET = records(event(f"p{n}", START + n) for n in range(PROFILES))
LEAP = records([event(name, START + 30 * DAY) for name in ("p1", "p2", "p3")], PROFILES)


def agent(log: list[Any], most_due: int) -> ScoringAgent:
    tables = Table(Rows()), Table(TicketBook())
    checkpoint = Notes(log, transactional=True)
    one = scoring_agent(Bench(config()).engine, checkpoint, tables, most_due)
    handle(one, QUIET)
    log.clear()
    return one


def handle(one: ScoringAgent, log: Sequence[PlainRecord]) -> None:
    asyncio.run(one.handle(0, list(log), log[-1].offset))


def examples_in(stages: Any) -> int:
    return sum(
        len(output.records)
        for stage in stages
        for output in stage
        if output.topic == TOPICS.examples
    )


def test_a_month_that_falls_due_at_once_is_made_durable_in_pieces() -> None:
    log: list[Any] = []
    handle(agent(log, most_due=100), LEAP)
    offsets = [offset for _, _, offset, _ in log]
    confirming = LEAP[1].offset
    assert len(log) > 10
    assert offsets == [confirming] * (len(log) - 1) + [LEAP[-1].offset + 1]
    assert max(examples_in(stages) for *_, stages in log) <= 100
    assert sum(examples_in(stages) for *_, stages in log) > PROFILES * 25


def test_pieces_and_a_crash_between_them_leave_what_one_step_leaves() -> None:
    whole, cut = agent([], most_due=1 << 40), agent([], most_due=100)
    handle(whole, LEAP)
    _stop_after_commits(cut, 4)
    again = scoring_agent(
        Bench(config()).engine, Notes([], transactional=True), (cut.profiles, cut.tickets), 100
    )
    handle(again, LEAP[cut.done[0] - PROFILES :])
    assert again.profiles.holder(0) == whole.profiles.holder(0)
    assert dict(again.tickets.holder(0)) == dict(whole.tickets.holder(0))


def _stop_after_commits(one: ScoringAgent, number: int) -> None:
    checkpoint: Any = one.checkpoint
    commit = checkpoint.commit

    async def counted(*what: Any) -> None:
        if len(checkpoint.log) == number:
            raise OSError("stopped")
        await commit(*what)

    checkpoint.commit = counted
    try:
        handle(one, LEAP)
    except OSError:
        return
    raise AssertionError("it was not stopped")


def test_every_step_tells_what_it_took_on_and_how_long_it_took() -> None:
    told: list[tuple[int, float]] = []
    one = agent([], most_due=100)
    one.took = lambda taken, seconds: told.append((taken, seconds))
    handle(one, LEAP)
    assert sum(taken for taken, _ in told) == len(LEAP)
    assert len(told) > 10
    assert all(seconds > 0 for _, seconds in told)
