"""The scoring agent: runs of events in, scores and examples out, state kept."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiokafka.partitioner import DefaultPartitioner
from faust.types import TP

from models.engine import MOST_DUE, Engine
from models.errors import PenchantError
from models.goals.examples import Example, encode_example
from models.partition import Partition
from models.poison import CRASH_KEY, POISON, Crashes, crashes_of
from models.receipts import encode_receipt
from models.step import Record, Step
from streams.agents.poison import Crash
from streams.batches import Outgoing
from streams.checkpoint import Output, Stage
from streams.dead_letters import dead_letters
from streams.snapshots import SnapshotReader
from streams.transport.store import RunTable
from streams.wiring import Wiring

logger = logging.getLogger(__name__)

_partition_of = DefaultPartitioner()


class ScoringAgent:
    """What happens to the runs of the events topic.

    Parameters
    ----------
    engine
        Decides.
    wiring
        What it is connected to.
    tables
        Profiles and tickets.
    snapshots
        Must have caught up before anything is scored.
    most_due
        Tickets and profiles that may come and go by the clock in one step.
    """

    def __init__(
        self,
        engine: Engine,
        wiring: Wiring,
        tables: tuple[RunTable, RunTable],
        snapshots: SnapshotReader,
        most_due: int = MOST_DUE,
    ) -> None:
        self.engine = engine
        self.most_due = most_due
        self.topics = wiring.topics
        self.source = wiring.topics.events
        self.checkpoint = wiring.checkpoint
        self.metrics = wiring.metrics
        self.profiles, self.tickets = tables
        self.snapshots = snapshots
        self.partitions: dict[int, Partition] = {}
        #: Partition -> its next offset: everything before it is durable.
        self.done: dict[int, int] = {}
        # One step at a time between two looks at the sockets: others have a turn.
        self._turn = asyncio.Lock()
        #: Told of each step how many records it had, and the seconds it took to apply them.
        self.took: Callable[[int, float], None] = lambda _records, _seconds: None
        #: What is waited for after a step of a partition, before another begins.
        self.pause: Callable[[int], Awaitable[None]] = _look_at_sockets
        self._examples_partitions = list(range(wiring.partitions))
        self.metrics.expect(goal.name for goal in engine.compiled.goals)
        for goal in engine.compiled.goals:
            self.metrics.show_ranks(goal.name, engine.board.ranks[goal.key])

    async def handle(self, number: int, records: list[Any], offset: int) -> None:
        """Apply a run and make what it brought about durable.

        Mostly in one step; in several, a transaction each, where a great deal falls due at once.

        Raises
        ------
        Crash
            Nothing more of the run was written: close the partition before anything else.
        """
        partition, left = await self._open(number), records
        while True:
            async with self._turn:
                step = self._step(partition, left, len(records) - len(left))
                await self.pause(number)
            left = left[step.taken :]
            end = left[0].offset if left else offset + 1
            await self._finish(partition, step, end)
            self.done[number] = end
            if not left:
                break
        self.metrics.count_run(number, records, time.time())

    def _step(self, partition: Partition, records: list[Any], before: int) -> Step:
        """Apply a run, or what of it fits into a step, after so many records of it."""
        started = time.perf_counter()
        try:
            step = self.engine.step(partition, records, self.most_due)
        except PenchantError:
            raise
        except Exception as error:
            raise Crash(before) from error
        seconds = time.perf_counter() - started
        self.took(step.taken, seconds)
        self.metrics.step_seconds.labels("compute").observe(seconds)
        return step

    # -- runs that crash the engine; see streams/agents/poison.py ---------------------------

    def crashes(self, number: int) -> Crashes | None:
        """The crashes noted of a partition."""
        return crashes_of(self.profiles.holder(number))

    async def note(self, number: int, crashes: Crashes) -> None:
        """Make it durable that a run has crashed, and nothing else."""
        row = Output(self.topics.profiles, number, [(CRASH_KEY, crashes.pack())])
        await self.checkpoint.commit(TP(self.topics.events, number), None, [[row]])
        self.profiles.holder(number).apply(CRASH_KEY, crashes.pack())

    def error_of(self, number: int, records: list[Any]) -> Exception | None:
        """What a run would crash the engine with, from what is durable; nothing is kept."""
        tables = self.profiles.holder(number), self.tickets.holder(number)
        try:
            self.engine.rehearse(number, tables, records)
        except PenchantError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what was asked for
            return error
        return None

    async def isolate(self, number: int, record: Record, message: str) -> None:
        """Make a record a dead letter instead of applying it."""
        partition = await self._open(number)
        step = self.engine.refuse(partition, record, POISON, message)
        await self._finish(partition, step, record.offset + 1)
        self.done[number] = record.offset + 1

    async def idle(self, number: int, elapsed: float) -> None:
        """Let the clock of an idle partition run on for so many seconds.

        Without any, the partition is opened, and scores of goals that are no more are withdrawn.
        """
        partition = await self._open(number)
        if not elapsed and not partition.roster.leaving:
            return
        step = self.engine.idle(partition, int(elapsed * 1000))
        if step.profiles:
            await self._finish(partition, step, None)

    def close(self, numbers: set[int]) -> None:
        """Let go of partitions."""
        for number in numbers & self.partitions.keys():
            self.engine.close(self.partitions.pop(number))
            self.done.pop(number, None)
            self.metrics.forget_partition(number)
            logger.info("partition let go", extra={"partition": number})

    async def _open(self, number: int) -> Partition:
        if number not in self.partitions:
            await self.snapshots.wait_caught_up()
            profiles, tickets = self.profiles.holder(number), self.tickets.holder(number)
            self.partitions[number] = self.engine.open(number, profiles, tickets)
            self.metrics.show_partition(self.partitions[number])
            held = {"profiles": self.partitions[number].held, "tickets": len(tickets)}
            logger.info("partition taken on", extra={"partition": number} | held)
        return self.partitions[number]

    async def _finish(self, partition: Partition, step: Step, offset: int | None) -> None:
        source = TP(self.topics.events, partition.number)
        started = time.perf_counter()
        stages = self.stages(partition.number, step)
        encoded = time.perf_counter()
        await self.checkpoint.commit(source, offset, stages)
        partition.apply(step)
        self.metrics.step_seconds.labels("encode").observe(encoded - started)
        self.metrics.step_seconds.labels("commit").observe(time.perf_counter() - encoded)
        self.metrics.count_step(step)
        for refusal in step.refused:
            about = {"topic": source.topic, "partition": source.partition}
            place = about | {"offset": refusal.record.offset, "reason": refusal.reason}
            logger.debug("refused: %s", refusal.message, extra=place)

    def stages(self, number: int, step: Step) -> list[Stage]:
        """What a step writes, in the order that makes a replay end in the same result."""
        topics = self.topics
        outputs = [Output(topics.scores, number, step.scores)]
        outputs += self._examples(step.examples)
        if step.refused:
            now = datetime.now(UTC)
            outputs.append(dead_letters(topics.dlq, topics.events, number, step.refused, now))
        return [
            outputs,
            [Output(topics.tickets, number, [change.row for change in step.tickets])],
            [Output(topics.profiles, number, step.profiles)],
            # Last: a receipt never says of anything that it is gone before it is.
            [Output(topics.erasures, number, self._receipts(number, step))],
        ]

    def _receipts(self, number: int, step: Step) -> list[Outgoing]:
        goals, now = self.engine.board.names(self.partitions[number]), datetime.now(UTC)
        return [
            (one.profile, encode_receipt(one, goals, self.topics.events, number, now))
            for one in step.erasures
        ]

    def _examples(self, examples: list[Example]) -> list[Output]:
        by_goal: dict[str, list[Outgoing]] = {}
        for example in examples:
            key = example.goal.encode()
            by_goal.setdefault(example.goal, []).append((key, encode_example(example)))
        return [
            Output(self.topics.examples, goal_partition(goal, self._examples_partitions), records)
            for goal, records in by_goal.items()
        ]


async def _look_at_sockets(_: int) -> None:
    await asyncio.sleep(0)


def goal_partition(goal: str, partitions: list[int]) -> int:
    """The partition of a goal's examples: the one that any Kafka producer would choose."""
    chosen: int = _partition_of(goal.encode(), partitions, partitions)
    return chosen
