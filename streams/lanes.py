"""Lanes: the runs of a partition one after the other, different partitions side by side.

While one partition waits for its checkpoint another computes. A failure in a lane crashes the app
and parks the lane: nothing that was not durable is ever acknowledged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")

#: Runs waiting in a lane. A fetch brings several of one partition: they must not stand before the
#: runs of others, whose lanes would be empty while this one waits for its checkpoint.
WAITING = 8


class Lanes(Generic[Item]):
    """A lane for every key that something was put for.

    Parameters
    ----------
    work
        Called with the lane's number and the next item; None after ``patience`` seconds without.
    crash
        Called with what a lane raised.
    patience
        Seconds after which a lane without items is called with None; None for never.
    """

    def __init__(
        self,
        work: Callable[[int, Item | None], Awaitable[None]],
        crash: Callable[[BaseException], Awaitable[Any]],
        patience: float | None = None,
    ) -> None:
        self._work = work
        self._crash = crash
        self._patience = patience
        self._queues: dict[int, asyncio.Queue[Item]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def put(self, lane: int, item: Item) -> None:
        """Add an item to a lane; waits while the lane is full."""
        if lane not in self._queues:
            self._queues[lane] = asyncio.Queue(WAITING)
            self._tasks[lane] = asyncio.create_task(self._run(lane), name=f"lane-{lane}")
        await self._queues[lane].put(item)

    async def close(self) -> None:
        """End all lanes; what waits in them is left."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        self._queues.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, lane: int) -> None:
        queue, task = self._queues[lane], asyncio.current_task()
        try:
            # A cancellation may be swallowed on its way, by wait_for or by a transaction that
            # fails while it is aborted: whatever becomes of it, a lane that is closed ends.
            while not _is_cancelled(task):
                item = await self._next(queue)
                if not _is_cancelled(task):
                    await self._work(lane, item)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it was, nothing goes on
            await self._crash(error)
            if not _is_cancelled(task):
                await asyncio.Event().wait()

    async def _next(self, queue: asyncio.Queue[Item]) -> Item | None:
        if self._patience is None or not queue.empty():
            return await queue.get()
        try:
            return await asyncio.wait_for(queue.get(), self._patience)
        except TimeoutError:
            return None


def _is_cancelled(task: asyncio.Task[Any] | None) -> bool:
    return task is not None and task.cancelling() > 0
