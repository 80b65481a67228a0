"""Lanes keep the order of a partition, and whatever fails in one is not passed over."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from streams.lanes import WAITING, Lanes, Portions
from tests.support.transport import run


def of(most: int, enough: int = 2) -> Portions:
    """Items are as heavy as they say."""
    return Portions(int, lambda: most, lambda: enough)


class Crashes(list[BaseException]):
    """What the app was crashed with."""

    async def __call__(self, error: BaseException) -> None:
        self.append(error)


def test_items_of_a_lane_are_worked_on_one_after_the_other_in_order() -> None:
    async def test() -> None:
        done: list[tuple[int, Any]] = []
        busy: set[int] = set()
        all_done = asyncio.Event()

        async def work(lane: int, items: Any) -> None:
            (item,) = items
            assert lane not in busy
            busy.add(lane)
            await asyncio.sleep(0.001 * (5 - item))  # the first takes longest
            busy.remove(lane)
            done.append((lane, item))
            if len(done) == 10:
                all_done.set()

        lanes: Lanes[int] = Lanes(work, Crashes())
        for item in range(5):
            await lanes.put(0, item)
            await lanes.put(1, item)
        await all_done.wait()
        for lane in (0, 1):
            assert [item for number, item in done if number == lane] == list(range(5))
        await lanes.close()

    run(test)


def test_one_lane_works_while_another_waits() -> None:
    async def test() -> None:
        gate, done = asyncio.Event(), asyncio.Event()

        async def work(lane: int, _item: Any) -> None:
            await gate.wait() if lane == 0 else done.set()

        lanes: Lanes[int] = Lanes(work, Crashes())
        await lanes.put(0, 1)
        await lanes.put(1, 1)
        assert await asyncio.wait_for(done.wait(), 5)
        await lanes.close()

    run(test)


def test_a_full_lane_makes_its_source_wait() -> None:
    async def test() -> None:
        gate = asyncio.Event()

        async def work(_lane: int, _item: Any) -> None:
            await gate.wait()

        lanes: Lanes[int] = Lanes(work, Crashes())
        putting = asyncio.create_task(fill(lanes, WAITING + 2))
        await asyncio.sleep(0.01)
        assert not putting.done()
        gate.set()
        await asyncio.wait_for(putting, 5)
        await lanes.close()

    run(test)


def test_a_lane_has_room_for_more_until_enough_waits_and_then_for_what_was_asked_for() -> None:
    async def test() -> None:
        async def work(_lane: int, _items: Any) -> None:
            await asyncio.sleep(60)

        lanes: Lanes[int] = Lanes(work, Crashes(), portions=of(10, 20))
        assert lanes.has_room(0)
        await fill(lanes, 1)
        await asyncio.sleep(0)  # the first is being worked on
        for item in (10, 9):
            await lanes.put(0, item)
            assert lanes.has_room(0)
        await lanes.put(0, 1)
        assert not lanes.has_room(0)
        assert lanes.has_room(1)
        await asyncio.wait_for(lanes.put(0, 50), 5)
        await lanes.close()

    run(test)


async def fill(lanes: Lanes[int], count: int) -> None:
    for item in range(count):
        await lanes.put(0, item)


def test_what_comes_while_a_lane_is_busy_is_worked_on_together_as_far_as_it_fits() -> None:
    async def test() -> None:
        gate, worked = asyncio.Event(), []

        async def work(_lane: int, items: Any) -> None:
            await gate.wait()
            worked.append(items)

        lanes: Lanes[int] = Lanes(work, Crashes(), portions=of(10))
        await lanes.put(0, 1)
        await asyncio.sleep(0)  # it is being worked on
        for item in (4, 5, 2, 3, 12, 1):
            await lanes.put(0, item)
        gate.set()
        await asyncio.sleep(0.01)
        assert worked == [[1], [4, 5], [2, 3], [12], [1]]
        await lanes.close()

    run(test)


@pytest.mark.parametrize("first", [1, 10])
def test_a_lane_that_waits_takes_an_item_at_once(first: int) -> None:
    async def test() -> None:
        worked = asyncio.Event()

        async def work(_lane: int, items: Any) -> None:
            if items:
                worked.set()

        lanes: Lanes[int] = Lanes(work, Crashes(), 60, portions=of(10))
        await lanes.put(0, first)
        assert await asyncio.wait_for(worked.wait(), 5)
        await lanes.close()

    run(test)


def test_closing_lets_go_whoever_waits_for_room() -> None:
    async def test() -> None:
        async def work(_lane: int, _items: Any) -> None:
            await asyncio.sleep(60)

        lanes: Lanes[int] = Lanes(work, Crashes())
        putting = asyncio.create_task(fill(lanes, WAITING + 2))
        await asyncio.sleep(0.01)
        assert not putting.done()
        await lanes.close()
        await asyncio.wait_for(putting, 5)

    run(test)


def test_a_failure_crashes_the_app_and_nothing_more_is_worked_on() -> None:
    async def test() -> None:
        worked: list[Any] = []
        crashes, failure = Crashes(), KeyError("goal")

        async def work(_lane: int, items: Any) -> None:
            worked.append(items)
            raise failure

        lanes: Lanes[int] = Lanes(work, crashes)
        await lanes.put(0, 1)
        await lanes.put(0, 2)
        await asyncio.sleep(0.01)
        assert crashes == [failure]
        assert worked == [[1]]
        await asyncio.wait_for(lanes.close(), 5)
        assert worked == [[1]]

    run(test)


def test_closing_waits_until_the_work_has_ended() -> None:
    """What a lane was in the middle of may not go on beside the next owner of its partition."""

    async def test() -> None:
        crashes, ended = Crashes(), asyncio.Event()

        async def work(_lane: int, _item: Any) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.01)
                ended.set()

        lanes: Lanes[int] = Lanes(work, crashes)
        await lanes.put(0, 1)
        await asyncio.sleep(0)
        await lanes.close()
        assert ended.is_set()
        assert crashes == []

    run(test)


def test_lanes_start_anew_after_closing_without_what_waited() -> None:
    async def test() -> None:
        worked: list[Any] = []
        gate = asyncio.Event()

        async def work(_lane: int, items: Any) -> None:
            await gate.wait()
            worked.append(items)

        lanes: Lanes[int] = Lanes(work, Crashes())
        await lanes.put(0, 1)
        await lanes.put(0, 2)
        await lanes.close()
        gate.set()
        await lanes.put(0, 3)
        await asyncio.sleep(0.01)
        assert worked == [[3]]
        await lanes.close()

    run(test)


def test_a_lane_without_items_is_called_after_its_patience() -> None:
    async def test() -> None:
        worked: list[Any] = []

        async def work(_lane: int, items: Any) -> None:
            worked.append(items)
            if items is None:
                called.set()

        called = asyncio.Event()
        lanes: Lanes[int] = Lanes(work, Crashes(), patience=0.01)
        await lanes.put(0, 1)
        await called.wait()
        assert worked[:2] == [[1], None]
        await lanes.close()

    run(test)


def test_closing_ends_a_lane_whose_work_turns_its_end_into_a_failure() -> None:
    """A transaction that is cancelled is aborted, and aborting it may say that it is fenced."""

    async def test() -> None:
        crashes, started, failure = Crashes(), asyncio.Event(), KeyError("fenced")

        async def work(_lane: int, _item: Any) -> None:
            started.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise failure from None

        lanes: Lanes[int] = Lanes(work, crashes)
        await lanes.put(0, 1)
        await started.wait()
        await asyncio.wait_for(lanes.close(), 5)
        assert crashes == [failure]

    run(test)


def test_closing_ends_a_lane_whose_work_swallows_its_end() -> None:
    async def test() -> None:
        crashes, worked = Crashes(), asyncio.Event()

        async def work(_lane: int, _item: Any) -> None:
            worked.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)

        lanes: Lanes[int] = Lanes(work, crashes, patience=60)
        await lanes.put(0, 1)
        await worked.wait()
        worked.clear()
        await lanes.put(0, 2)
        await asyncio.wait_for(lanes.close(), 5)
        assert not worked.is_set(), "what waits in a lane that is closed is left"
        assert crashes == []

    run(test)


def test_work_that_is_cancelled_by_nobody_is_a_crash_like_any_other() -> None:
    async def test() -> None:
        crashes = Crashes()

        async def work(_lane: int, _item: Any) -> None:
            raise asyncio.CancelledError  # as of a delivery that somebody else has cancelled

        lanes: Lanes[int] = Lanes(work, crashes)
        await lanes.put(0, 1)
        await asyncio.sleep(0.01)
        assert [type(error) for error in crashes] == [RuntimeError]
        await lanes.close()

    run(test)


def test_what_comes_after_the_end_is_left() -> None:
    async def test() -> None:
        done, crashes = list[Any](), Crashes()

        async def work(_lane: int, item: Any) -> None:
            done.append(item)

        lanes: Lanes[int] = Lanes(work, crashes)
        await lanes.end()
        await asyncio.wait_for(lanes.put(0, 1), 5)
        await asyncio.sleep(0.01)
        assert (done, crashes) == ([], [])

    run(test)


def test_how_much_goes_together_is_asked_at_every_turn() -> None:
    async def test() -> None:
        most, worked = [2], []

        async def work(_lane: int, items: Any) -> None:
            worked.append(items)
            most[0] *= 2
            await asyncio.sleep(0)

        lanes: Lanes[int] = Lanes(work, Crashes(), portions=Portions(most=lambda: most[0]))
        for _ in range(12):
            await lanes.put(0, 1)
        await asyncio.sleep(0.01)
        assert [len(items) for items in worked] == [2, 4, 6]
        await lanes.close()

    run(test)
