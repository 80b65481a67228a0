"""Lessons: examples are learned as they come, and made durable some runs at a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from streams.agents.poison import Crash, PoisonGuard
from streams.agents.train import TrainingAgent

#: Examples learned between two checkpoints, at most.
MOST_PENDING = 2_000


class Lessons:
    """Hands runs to the training agent, and acknowledges them once they are durable.

    Parameters
    ----------
    agent
        Learns.
    every
        Seconds between checkpoints.
    patience
        Crashes at the same place after which its example is looked for; 0 for never.
    """

    def __init__(self, agent: TrainingAgent, every: float, patience: int) -> None:
        self.agent = agent
        self.every = every
        self.guard = PoisonGuard(agent, patience)
        self._pending: dict[int, list[Any]] = {}

    async def handle(self, number: int, runs: Sequence[Any], ack: Any) -> None:
        """Learn runs; make them durable when enough has come together, or nothing more comes.

        Parameters
        ----------
        number
            The partition.
        runs
            As they came; none when nothing has for a while.
        ack
            Acknowledges a run, once it is durable.
        """
        pending = self._pending.setdefault(number, [])
        pending += runs
        try:
            if runs:
                records = [record for run in runs for record in run.value]
                await self.agent.learn(number, records, runs[-1].message.offset)
            if not await self._is_due(number, runs):
                return
            await self.agent.save(number)
        except Crash as crash:
            if not pending:
                # Goals have come or gone, and no record is to blame.
                self.agent.close({number})
                raise crash.__cause__ or crash from None
            records = [record for run in pending for record in run.value]
            await self.guard.see_to(number, records, pending[-1].message.offset, crash)
        del self._pending[number]
        for run in pending:
            await ack(run)

    def close(self, numbers: set[int]) -> None:
        """Let go of partitions; what was not durable is learned by whoever has them next."""
        for number in numbers:
            self._pending.pop(number, None)
        self.agent.close(numbers)

    async def _is_due(self, number: int, runs: Sequence[Any]) -> bool:
        register = await self.agent.ready(number)
        waited = time.monotonic() - register.saved_at
        if not runs:
            return bool(self._pending[number]) or register.has_to_say
        return register.learned >= MOST_PENDING or waited >= self.every
