"""Lanes: the runs of a partition one after the other, different partitions side by side.

While one partition waits for its checkpoint another computes; what comes meanwhile for the first is
done together, so that small runs that come quickly do not wait for a checkpoint each. A failure in
a lane crashes the app and parks the lane: nothing that was not durable is ever acknowledged.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Generic, NamedTuple, TypeVar

Item = TypeVar("Item")

#: Full batches that may wait in a lane before whoever puts more has to wait, and with it the lanes
#: of others.
WAITING = 8


def _one(_: Any) -> int:
    return 1


class Portions(NamedTuple):
    """How much is worked on together, asked anew at every turn.

    Parameters
    ----------
    weigh
        How much an item is.
    most
        Says up to which weight items go together; one that is heavier goes alone.
    enough
        Says with which weight waiting a lane takes no more, which leaves room for what has been
        asked for.
    """

    weigh: Callable[[Any], int] = _one
    most: Callable[[], int] = lambda: 1
    enough: Callable[[], int] = lambda: 2


ONE_BY_ONE = Portions()


class Lanes(Generic[Item]):
    """A lane for every key that something was put for.

    Parameters
    ----------
    work
        Called with the lane's number and the next items, in order; None after ``patience`` seconds
        without.
    crash
        Called with what a lane raised.
    patience
        Seconds after which a lane without items is called with None; None for never.
    portions
        How much is worked on together; one item if left out.
    """

    def __init__(
        self,
        work: Callable[[int, list[Item] | None], Awaitable[None]],
        crash: Callable[[BaseException], Awaitable[Any]],
        patience: float | None = None,
        portions: Portions = ONE_BY_ONE,
    ) -> None:
        self._work = work
        self._crash = crash
        self._patience = patience
        self._portions = portions
        self._waiting: dict[int, Waiting[Item]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._ended = False

    async def put(self, lane: int, item: Item) -> None:
        """Add an item to a lane; waits while the lane is full. Closing leaves what waits."""
        if self._ended:
            return
        if lane not in self._waiting:
            self._waiting[lane] = Waiting(self._portions)
            self._tasks[lane] = asyncio.create_task(self._run(lane), name=f"lane-{lane}")
        await self._waiting[lane].put(item)

    def has_room(self, lane: int) -> bool:
        """Whether more may be fetched for a lane."""
        return lane not in self._waiting or self._waiting[lane].weight < self._portions.enough()

    async def close(self) -> None:
        """End all lanes; what waits in them is left."""
        tasks, lanes = list(self._tasks.values()), list(self._waiting.values())
        self._tasks.clear()
        self._waiting.clear()
        for task in tasks:
            task.cancel()
        for lane in lanes:
            lane.close()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def end(self) -> None:
        """End all lanes for good; what comes later is left, too."""
        self._ended = True
        await self.close()

    async def _run(self, lane: int) -> None:
        waiting, task = self._waiting[lane], asyncio.current_task()
        try:
            # A cancellation may be swallowed on its way, by wait_for or by a transaction that
            # fails while it is aborted: whatever becomes of it, a lane that is closed ends.
            while not is_cancelled(task):
                items = await self._next(waiting)
                if not is_cancelled(task):
                    await self._work(lane, items)
        except asyncio.CancelledError as error:
            if is_cancelled(task):
                raise
            await self._fail(task, RuntimeError(f"cancelled by nobody here: {error!r}"))
        except BaseException as error:  # noqa: BLE001 - whatever it was, nothing goes on
            await self._fail(task, error)

    async def _fail(self, task: asyncio.Task[Any] | None, error: BaseException) -> None:
        """Crash the app and park the lane."""
        await self._crash(error)
        if not is_cancelled(task):
            await asyncio.Event().wait()

    async def _next(self, waiting: Waiting[Item]) -> list[Item] | None:
        try:
            await asyncio.wait_for(waiting.filled.wait(), self._patience)
        except TimeoutError:
            return None
        return waiting.take()


class Waiting(Generic[Item]):
    """What waits in a lane.

    Parameters
    ----------
    portions
        As of :class:`Lanes`.
    """

    def __init__(self, portions: Portions) -> None:
        self._weigh, self._most, _ = portions
        #: Each with its weight.
        self._items: deque[tuple[int, Item]] = deque()
        #: Of all that wait.
        self.weight = 0
        self._closed = False
        self._room = asyncio.Event()
        self.filled = asyncio.Event()

    async def put(self, item: Item) -> None:
        """Add an item, once there is room; one that comes after the end is left, like the rest."""
        while self.weight >= self._most() * WAITING and not self._closed:
            self._room.clear()
            await self._room.wait()
        weight = self._weigh(item)
        self._items.append((weight, item))
        self.weight += weight
        self.filled.set()

    def take(self) -> list[Item]:
        """Take out the first item and those that go with it."""
        weight, first = self._items.popleft()
        taken, most = [first], self._most()
        while self._items and weight + self._items[0][0] <= most:
            more, item = self._items.popleft()
            taken.append(item)
            weight += more
        self.weight -= weight
        self._room.set()
        if not self._items:
            self.filled.clear()
        return taken

    def close(self) -> None:
        """Let whoever waits for room go."""
        self._closed = True
        self._room.set()


def is_cancelled(task: asyncio.Task[Any] | None) -> bool:
    """Whether somebody has cancelled a task, whatever has become of it since."""
    return task is not None and task.cancelling() > 0
