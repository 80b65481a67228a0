"""Poison: a record that crashes engine or trainer, by a bug, becomes a dead letter in the end.

A crash stops the worker, as every unforeseen error does, and is noted with the partition. When the
same place has crashed often enough, whoever owns the partition then looks for the record: it halves
the run in rehearsals, applies what is good before it, and leaves out the one that crashes alone.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, NoReturn, Protocol

from models.poison import Crashes
from models.step import Record
from streams.crashes import one_line
from streams.tracebacks import place_of

logger = logging.getLogger(__name__)

#: Records left out of one run, at most. A bug in what every record meets is not the records'
#: fault: it then takes as many crashes again before more of them are given up.
MOST_ISOLATED = 10
LONGEST_MESSAGE = 500


class Crash(Exception):  # noqa: N818 - carries an error, and is none of its own
    """Engine or trainer raised what it never should, its cause.

    The partition has to be closed before anything else: what is in memory may have moved.

    Parameters
    ----------
    applied
        How many records of the run are durable; nothing was written of the others.
    """

    def __init__(self, applied: int = 0) -> None:
        super().__init__(applied)
        self.applied = applied


class Agent(Protocol):
    """Applies runs of a partition to what is durable."""

    @property
    def source(self) -> str:
        """The topic that the runs are of."""

    async def handle(self, number: int, records: list[Any], offset: int) -> None:
        """Apply a run that ends at an offset and make it durable; raises :class:`Crash`."""

    def close(self, numbers: set[int]) -> None:
        """Let go of partitions; they are opened again from what is durable."""

    def crashes(self, number: int) -> Crashes | None:
        """The crashes noted of a partition."""

    async def note(self, number: int, crashes: Crashes) -> None:
        """Make it durable that a run has crashed, and nothing else."""

    def error_of(self, number: int, records: list[Any]) -> Exception | None:
        """What a run would crash with, from what is durable; nothing is kept."""

    async def isolate(self, number: int, record: Record, message: str) -> None:
        """Make a record a dead letter instead of applying it."""


class PoisonGuard:
    """Hands runs to an agent, and sees to those that crash.

    Parameters
    ----------
    agent
        Applies runs.
    patience
        Crashes at the same place after which its record is looked for; 0 for never.
    """

    def __init__(self, agent: Agent, patience: int) -> None:
        self.agent = agent
        self.patience = patience

    async def handle(self, number: int, records: list[Any], offset: int) -> None:
        """Apply a run, without what crashes if that has happened often enough."""
        try:
            await self.agent.handle(number, records, offset)
        except Crash as crash:
            await self.see_to(number, records, offset, crash)

    async def see_to(self, number: int, records: list[Any], offset: int, crash: Crash) -> None:
        """Do what there is to do about a run that has crashed: give up, or leave a record out."""
        error, records = self._cause(number, crash), records[crash.applied :]
        run, crashes = (records[0].offset, offset), self.agent.crashes(number)
        if not self.patience:
            raise error from None
        if crashes is None:
            crashes = Crashes(*run, 0)
        if not crashes.meets(*run) or crashes.number < self.patience:
            await self._give_up(number, crashes.again(*run), error)
        about = self._place(number) | {"first": run[0], "last": offset, "crashes": crashes.number}
        logger.warning("a run has crashed again: looking for the record", extra=about)
        try:
            await self._go_through(number, records, offset)
        except Crash as another:
            raise self._cause(number, another) from None

    async def _crash_of(self, number: int, records: list[Any], offset: int) -> Crash | None:
        """Apply a run; how it crashes, if it does."""
        try:
            await self.agent.handle(number, records, offset)
        except Crash as crash:
            return crash
        return None

    def _cause(self, number: int, crash: Crash) -> Exception:
        """What was raised; the partition is closed, for its timers or trainers have moved."""
        self.agent.close({number})
        return crash.__cause__ if isinstance(crash.__cause__, Exception) else crash

    async def _give_up(self, number: int, crashes: Crashes, error: Exception) -> NoReturn:
        """Note a crash, and let it stop the worker."""
        await self.agent.note(number, crashes)
        raise error from None

    async def _go_through(self, number: int, records: list[Any], offset: int) -> None:
        """Apply a run without the records that crash alone."""
        isolated = 0
        while records:
            crash = await self._crash_of(number, records, offset)
            if crash is None:
                return
            error, records = self._cause(number, crash), records[crash.applied :]
            alone = self.agent.error_of(number, records[:1])
            if alone is None:
                good = await self._good(number, records)
                await self.agent.handle(number, records[:good], records[good - 1].offset)
                records = records[good:]
                continue
            if isolated == MOST_ISOLATED:
                await self._give_up(number, Crashes(records[0].offset, offset, 1), error)
            await self._isolate(number, records[0], alone)
            isolated, records = isolated + 1, records[1:]

    async def _good(self, number: int, records: list[Any]) -> int:
        """How many records, the first at least, of a run that crashes can be applied."""
        good, bad = 1, len(records)
        while bad - good > 1:
            await asyncio.sleep(0)  # a large partition is opened anew for each: let others live
            middle = (good + bad) // 2
            if self.agent.error_of(number, records[:middle]) is None:
                good = middle
            else:
                bad = middle
        return good

    async def _isolate(self, number: int, record: Any, error: Exception) -> None:
        await self.agent.isolate(number, record, describe(error))
        about = self._place(number) | {"offset": record.offset, "error": place_of(error)}
        logger.warning("a record crashes the worker: it is a dead letter now", extra=about)

    def _place(self, number: int) -> dict[str, Any]:
        """What a line of the log is about."""
        return {"topic": self.agent.source, "partition": number}


def describe(error: Exception) -> str:
    """An error in a line: its kind, where it was raised, what it says."""
    return one_line(f"{place_of(error)}: {error}")[:LONGEST_MESSAGE]
