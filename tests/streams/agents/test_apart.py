"""Trainers in a process of their own do what they do here, and never outlive their worker."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from models.errors import PenchantError
from models.goals.examples import Example, encode_example
from models.learning.trainer import Trainer
from streams.agents.apart import Apart, TrainersGoneError
from streams.agents.desk import Desk, Enrolment, Here, NewTrainer, Schools
from streams.tracebacks import ElsewhereError, place_of, traceback_of
from tests.support.factories import Bench, config, goal, habits, records
from tests.support.poison import BuggyTrainer

QUESTIONS = config({"churn": goal(), "coupon": goal(propensity="conversion")})
EXAMPLES = [one for step in Bench(QUESTIONS).run(records(habits(20, 12))) for one in step.examples]
ENROLMENT = Enrolment(["churn", "coupon"], [], {})
#: Seconds that a process has to be gone.
PATIENCE = 20.0


class Talkative(Trainer):
    """Prints."""

    def learn(self, examples: Sequence[Example]) -> None:
        """Learn, and say so where answers go."""
        print("learning")  # noqa: T201 - that is what it is about
        super().learn(examples)


def awaited(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that has a loop of its own."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


def values(examples: Sequence[Example]) -> list[bytes | None]:
    return [encode_example(one) for one in examples]


@asynccontextmanager
async def desk(new_trainer: NewTrainer = Trainer) -> AsyncIterator[Apart]:
    """Trainers apart; what they are asked is awaited as long as the test."""
    apart = Apart(QUESTIONS, new_trainer)
    try:
        yield apart
    finally:
        await apart.end()


def is_there(pid: int) -> bool:
    """Whether a process has not ended; one that nobody has waited for yet has."""
    with suppress(OSError):
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False


async def story(at: Desk) -> list[object]:
    """A life of trainers; what they say in it."""
    half = len(EXAMPLES) // 2
    return [
        await at.open(3, ENROLMENT),
        await at.learn(3, values(EXAMPLES[:half])),
        await at.write(3),
        await at.learn(3, [*values(EXAMPLES[half:]), b"no example", None]),
        await at.write(3),
        await at.write(3),
    ]


@awaited
async def test_what_they_say_apart_is_what_they_say_here() -> None:
    async with desk() as apart:
        assert await story(apart) == await story(Here(Schools(QUESTIONS)))


@awaited
async def test_a_school_that_is_closed_is_opened_from_what_is_durable() -> None:
    async with desk() as apart:
        await apart.open(0, ENROLMENT)
        await apart.learn(0, values(EXAMPLES[:20]))
        apart.close([0])
        portraits = await apart.open(0, ENROLMENT)
        assert [one.insight.examples for one in portraits] == [0, 0]


@awaited
async def test_nothing_is_started_for_what_was_never_opened() -> None:
    async with desk() as apart:
        apart.close([0, 1])
        assert apart.pid is None


@awaited
async def test_it_may_be_started_before_it_is_asked_and_then_once() -> None:
    async with desk() as apart:
        apart.begin()
        apart.begin()
        await apart.open(0, ENROLMENT)
        pid = apart.pid
        apart.begin()
        await apart.open(1, ENROLMENT)
        assert apart.pid == pid
    apart.begin()  # too late: nobody would end it
    assert not is_there(pid or 0)


@awaited
async def test_a_bug_there_says_where_it_is_and_not_what_it_stumbled_over() -> None:
    async with desk(BuggyTrainer) as apart:
        await apart.open(0, ENROLMENT)
        with pytest.raises(ElsewhereError, match="poison") as caught:
            await apart.learn(0, values([replace(EXAMPLES[0], profile_id="poison")]))
        assert place_of(caught.value).startswith("KeyError in poison.py:")
        told = traceback_of(caught.value)
        assert "in learn\n" in told
        assert told.index("KeyError") < told.index("ElsewhereError")
        assert "'poison'" not in told
        assert await apart.open(0, ENROLMENT)


@awaited
async def test_what_is_raised_on_purpose_there_is_so_here() -> None:
    async with desk() as apart:
        await apart.open(0, ENROLMENT)
        await apart.learn(0, values(EXAMPLES))
        rows = {key: value for key, value in (await apart.write(0)).rows if value is not None}
        damaged = {key: value[1:] for key, value in rows.items()}
        with pytest.raises(PenchantError) as caught:
            await apart.open(1, ENROLMENT._replace(rows=damaged))
        assert not isinstance(caught.value, TrainersGoneError)


@awaited
async def test_an_answer_that_nobody_waits_for_any_more_is_not_taken_for_another() -> None:
    async with desk() as apart:
        await apart.open(0, ENROLMENT)
        asked = asyncio.create_task(apart.learn(0, values(EXAMPLES)))
        await asyncio.sleep(0.01)
        asked.cancel()
        with suppress(asyncio.CancelledError):
            await asked
        portraits = await apart.open(0, ENROLMENT)
        assert [one.insight.goal for one in portraits] == ["churn", "coupon"]


@awaited
async def test_a_message_larger_than_a_pipe_comes_whole() -> None:
    async with desk() as apart:
        await apart.open(0, ENROLMENT)
        lesson = await apart.learn(0, [b"x" * 5_000_000, b"y"])
        assert [one.place for one in lesson.refused] == [0, 1]


@awaited
async def test_what_a_trainer_prints_is_no_answer() -> None:
    async with desk(Talkative) as apart:
        await apart.open(0, ENROLMENT)
        assert (await apart.learn(0, values(EXAMPLES))).results["churn", "learned"] > 0


@awaited
async def test_trainers_that_are_killed_stop_the_worker_with_a_line_that_says_so() -> None:
    async with desk() as apart:
        await apart.open(0, ENROLMENT)
        assert apart.pid is not None
        os.kill(apart.pid, signal.SIGKILL)
        with pytest.raises(TrainersGoneError, match=r"has ended \(exit code -9\)"):
            await apart.learn(0, values(EXAMPLES))


@awaited
async def test_signals_for_the_worker_do_not_end_its_trainers() -> None:
    async with desk() as apart:
        await apart.open(0, ENROLMENT)
        assert apart.pid is not None
        for one in (signal.SIGINT, signal.SIGTERM):
            os.kill(apart.pid, one)
        assert (await apart.learn(0, values(EXAMPLES))).results["churn", "learned"] > 0


@awaited
async def test_ending_ends_the_process() -> None:
    async with desk() as apart:
        await apart.open(0, ENROLMENT)
        pid = apart.pid
    assert pid is not None
    assert not is_there(pid)
    apart.close([0])  # a partition that leaves afterwards finds nobody, and does not mind


@awaited
async def test_a_folder_of_the_same_name_where_a_worker_starts_is_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("raise SystemExit('not ours')")
    monkeypatch.chdir(tmp_path)
    async with desk() as apart:
        assert len(await apart.open(0, ENROLMENT)) == 2


WORKER = """
import asyncio, time
from tests.streams.agents.test_apart import ENROLMENT, Apart, QUESTIONS
apart = Apart(QUESTIONS)
asyncio.run(apart.open(0, ENROLMENT))
print(apart.pid, flush=True)
time.sleep(600)
"""


def test_trainers_end_with_a_worker_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        pid = int(worker.stdout.readline())
        assert is_there(pid)
        worker.kill()
    deadline = time.monotonic() + PATIENCE
    while is_there(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)
