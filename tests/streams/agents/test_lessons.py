"""An example that crashes a trainer: the others are learned once, and nothing else is left out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from models.config.schema import Config
from models.goals.examples import Example, encode_example
from models.learning.snapshot import Snapshot, read_snapshot
from models.learning.state import dump_trainer
from models.learning.trainer import Trainer
from models.poison import CRASH_KEY, crashes_of
from models.step import PlainRecord
from streams.agents.desk import Here, Schools
from streams.agents.lessons import Lessons
from streams.agents.poison import MOST_ISOLATED
from streams.agents.score import goal_partition
from streams.agents.train import TrainingAgent
from streams.metrics import Metrics
from streams.transport.store import Rows
from streams.wiring import Wiring
from tests.support.factories import Bench, config, goal, habits, records, trained
from tests.support.poison import TOPICS, BuggyTrainer, committed, letters
from tests.support.transport import Notes

NUMBER = goal_partition("churn", list(range(4)))
PATIENCE = 3
#: Longer than any machine has run: durable when asked for, and not by the clock.
NEVER = 1e12


def agent_of(
    questions: Config, wiring: Wiring, table: Any, new_trainer: Any = Trainer
) -> TrainingAgent:
    """A training agent, its trainers in this process."""
    schools = Schools(questions, new_trainer)
    return TrainingAgent(questions, wiring, table, schools, Here(schools))


def trainer_of(agent: TrainingAgent, number: int) -> Trainer:
    """The trainer of churn, as an agent has it."""
    asyncio.run(agent.ready(number))
    return agent.schools.held[number].trainers["churn"]


class Life:
    """A worker that is started again whenever it stops; what is durable outlives it."""

    def __init__(self, patience: int = PATIENCE) -> None:
        self.patience = patience
        self.log: list[Any] = []
        self.checkpoint = Notes(self.log, transactional=True)
        self.rows = Rows()
        self.crashes = 0
        self.acknowledged: list[int] = []
        self.metrics = Metrics(CollectorRegistry())
        self.new_trainer: Any = BuggyTrainer
        self.lessons = self._start()

    def holder(self, number: int) -> Rows:
        """The rows of a partition."""
        assert number == NUMBER
        return self.rows

    def _start(self) -> Lessons:
        wiring, table = Wiring(TOPICS, self.checkpoint, self.metrics, 4), self
        agent = agent_of(config(), wiring, table, self.new_trainer)
        return Lessons(agent, NEVER, self.patience)

    @property
    def committed(self) -> int:
        """The next offset."""
        return committed(self.log)

    @property
    def letters(self) -> list[tuple[int, str, str]]:
        """Dead letters: source offset, reason, message."""
        return letters(self.log, stage=-1)

    @property
    def trainer(self) -> Trainer:
        """What a new worker finds."""
        return trainer_of(self._start().agent, NUMBER)

    def live(self, log: list[PlainRecord], size: int, together: int = 1, most: int = 100) -> None:
        """Go through a log, so many runs between two checkpoints, starting again after a crash."""
        while self.committed < len(log) and self.crashes < most:
            at = self.committed
            cuts = [log[at + size * n : at + size * (n + 1)] for n in range(together)]
            try:
                for cut in filter(None, cuts):
                    asyncio.run(self._hand(cut))
                asyncio.run(self._hand([]))
            except KeyError:
                self.crashes += 1
                size = max(size - 1, 1)  # runs are cut anew after a start
                self.lessons = self._start()

    async def _hand(self, records: list[PlainRecord]) -> None:
        """Hand records over, in two runs where there are two of them."""
        half = len(records) // 2
        runs = [
            SimpleNamespace(value=run, message=SimpleNamespace(offset=run[-1].offset))
            for run in (records[:half], records[half:])
            if run
        ]
        await self.lessons.handle(NUMBER, runs, self._acknowledge)

    async def _acknowledge(self, event: Any) -> None:
        assert event.message.offset < self.committed
        self.acknowledged.append(event.message.offset)


EXAMPLES = [one for step in Bench(config()).run(records(habits(20, 12))) for one in step.examples]


def logged(examples: list[Example], poisoned: set[int] | None = None) -> list[PlainRecord]:
    return [
        PlainRecord(
            b"churn",
            encode_example(replace(one, profile_id="poison") if n in (poisoned or ()) else one),
            n,
        )
        for n, one in enumerate(examples)
    ]


@settings(max_examples=25, deadline=None)
@given(
    places=st.sets(st.integers(0, len(EXAMPLES) - 1), max_size=5),
    size=st.integers(1, 100),
    together=st.integers(1, 4),
)
def test_everything_but_the_poison_is_learned_once_and_the_poison_is_a_letter_each(
    places: set[int], size: int, together: int
) -> None:
    life = Life()
    life.live(logged(EXAMPLES, places), size, together)
    alone = trained(config(), "churn", [])
    alone.learn([one for n, one in enumerate(EXAMPLES) if n not in places])
    assert [(offset, reason) for offset, reason, _ in life.letters] == [
        (place, "poison") for place in sorted(places)
    ]
    assert dump_trainer(life.trainer) == dump_trainer(alone)
    assert crashes_of(life.rows) is None
    assert life.crashes <= PATIENCE * len(places)
    assert life.committed == len(EXAMPLES)
    assert life.acknowledged[-1] == len(EXAMPLES) - 1
    found = life.metrics.registry.get_sample_value(
        "penchant_examples_total", {"goal": "churn", "result": "learned"}
    )
    assert (found or 0) == len(EXAMPLES) - len(places)


def test_it_crashes_as_often_as_the_setting_says_before_the_example_is_looked_for() -> None:
    for patience in (1, 2, 5):
        life = Life(patience)
        life.live(logged(EXAMPLES, {20}), size=16, together=3)
        assert life.crashes == patience
        (letter,) = life.letters
        assert letter[:2] == (20, "poison")
        assert letter[2].startswith("KeyError in poison.py:")


def test_where_isolation_is_off_it_crashes_for_ever_and_writes_nothing() -> None:
    life = Life(patience=0)
    life.live(logged(EXAMPLES, {0}), size=16, most=10)
    assert life.crashes == 10
    assert life.log == []


def test_a_bug_that_every_example_meets_gives_few_of_them_up_between_crashes() -> None:
    life = Life()
    life.live(logged(EXAMPLES, set(range(len(EXAMPLES)))), size=64, most=PATIENCE + 1)
    assert len(life.letters) == MOST_ISOLATED


def test_a_mended_program_learns_the_run_and_forgets_the_crashes() -> None:
    life = Life()
    life.live(logged(EXAMPLES, {10}), size=64, most=PATIENCE)
    assert CRASH_KEY in life.rows
    life.new_trainer = Trainer
    life.lessons = life._start()
    life.live(logged(EXAMPLES, {10}), size=64)
    assert life.letters == []
    assert CRASH_KEY not in life.rows


class Mute(Trainer):
    """Cannot say what it has learned, once it has learned of a profile whose name is poison."""

    met = False

    def learn(self, examples: Sequence[Example]) -> None:
        """Learn."""
        super().learn(examples)
        self.met = self.met or any(one.profile_id == "poison" for one in examples)

    def snapshot(self) -> Snapshot:
        """Say what it has learned, or crash."""
        if self.met:
            raise KeyError("poison")
        return super().snapshot()


def test_a_trainer_that_cannot_say_what_it_has_learned_is_a_crash_too() -> None:
    life = Life()
    life.new_trainer = Mute
    life.lessons = life._start()
    life.live(logged(EXAMPLES, {10}), size=64)
    assert life.crashes == PATIENCE
    assert [letter[0] for letter in life.letters] == [10]


def test_a_checkpoint_that_fails_is_no_crash_of_a_trainer() -> None:
    life = Life()
    life.checkpoint.failure = OSError("the broker is gone")
    with pytest.raises(OSError, match="the broker is gone"):
        life.live(logged(EXAMPLES), size=16)
    assert CRASH_KEY not in life.rows
    assert life.acknowledged == []


# -- goals that are no more -----------------------------------------------------------------

QUESTIONS = {"churn": goal(), "coupon": goal(propensity="conversion")}


class Deployments(Life):
    """Workers with one configuration after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.new_trainer = Trainer
        self.lessons = self._start()
        self.live(logged(EXAMPLES), size=64)

    def deploy(self, *goals: str) -> None:
        """Start anew with some goals."""
        table: Any = self
        wiring = Wiring(TOPICS, self.checkpoint, self.metrics, 1)
        questions = config({name: QUESTIONS[name] for name in goals})
        self.lessons = Lessons(agent_of(questions, wiring, table), NEVER, PATIENCE)
        self.log.clear()

    def holder(self, _number: int) -> Rows:
        """The rows of the only partition."""
        return self.rows

    def look(self) -> dict[str, dict[bytes, bytes | None]]:
        """What is written while nothing comes: the last record of each key by topic."""
        asyncio.run(self.lessons.handle(0, (), self._acknowledge))
        found: dict[str, dict[bytes, bytes | None]] = {}
        for _, _, offset, stages in self.log:
            assert offset is None
            for output in (output for stage in stages for output in stage):
                rows = found.setdefault(output.topic, {})
                rows |= {key: value for key, value in output.records if key is not None}
        self.log.clear()
        return found


def test_the_snapshot_of_a_removed_goal_is_withdrawn_once_without_an_example() -> None:
    life = Deployments()
    life.deploy("coupon")
    assert life.lessons.agent.register(0).has_to_say
    written = life.look()
    assert written[TOPICS.models] == {b"churn": None}
    assert written[TOPICS.insights] == {b"churn": None}
    assert life.look() == {}
    life.deploy("coupon")
    assert life.look() == {}


def test_a_goal_that_is_back_goes_on_where_it_was_and_says_so_at_once() -> None:
    life = Deployments()
    before = life.trainer
    life.deploy("coupon")
    life.look()
    life.deploy("churn", "coupon")
    written = life.look()
    value = written[TOPICS.models][b"churn"]
    assert value is not None
    assert read_snapshot(value) == before.snapshot()
    assert dump_trainer(trainer_of(life.lessons.agent, 0)) == dump_trainer(before)
    assert life.look() == {}
    life.deploy("coupon")
    assert life.look()[TOPICS.models] == {b"churn": None}


def test_a_trainer_that_crashes_when_its_goal_is_back_says_with_what_and_blames_no_example() -> (
    None
):
    life = Deployments()
    life.deploy("coupon")
    life.look()
    wiring = Wiring(TOPICS, life.checkpoint, life.metrics, 1)
    table: Any = life
    agent = agent_of(config(QUESTIONS), wiring, table, Speechless)
    life.lessons = Lessons(agent, NEVER, PATIENCE)
    with pytest.raises(KeyError, match="speechless"):
        asyncio.run(life.lessons.handle(0, (), life._acknowledge))
    assert life.log == []
    assert CRASH_KEY not in life.rows


class Speechless(Trainer):
    """Can never say what it has learned."""

    def snapshot(self) -> Snapshot:
        """Crash."""
        raise KeyError("speechless")
