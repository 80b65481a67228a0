"""A consumer ends in order whatever happens meanwhile; without a broker."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.app.base import App

from streams.transport.thread import FetchError, RunFetcher
from tests.support.transport import Rig, run


def drained(rig: Rig, ending: BaseException) -> RunFetcher:
    """A fetcher whose consumer ends in some way."""
    consumer: Any = rig.consumer

    async def drain(_fetcher: Any) -> None:
        raise ending

    consumer._drain_messages = drain
    return RunFetcher(rig.app)


def test_a_fetcher_may_be_stopped_in_the_middle_of_a_rebalance() -> None:
    """Told to stop while the group rebalances: Faust takes that for a crash."""

    async def test() -> None:
        rig = Rig()
        rig.app.rebalancing = True
        fetcher = RunFetcher(rig.app)
        consumer: Any = rig.consumer
        consumer._drain_messages = lambda _: asyncio.Event().wait()
        await fetcher.start()
        await asyncio.sleep(0)
        await fetcher.stop()
        assert not fetcher.crashed
        assert fetcher._shutdown.is_set()

    run(test)


def test_fetching_that_ends_by_itself_crashes_the_worker() -> None:
    async def test() -> None:
        fetcher = drained(Rig(), asyncio.CancelledError())
        await fetcher.start()
        await asyncio.sleep(0.05)
        assert isinstance(fetcher.crash_reason, FetchError)
        await fetcher.stop()

    run(test)


def test_a_consumer_thread_that_a_crash_has_ended_may_still_be_told_to_stop() -> None:
    async def test() -> None:
        thread: Any = Rig().consumer._thread
        thread.thread_loop.close()
        thread._stopped_set()
        assert not thread._stopped.is_set()

    run(test)


class Leaving:
    """An aiokafka consumer in the middle of a rebalance that never ends, or of none."""

    def __init__(self, *, ends: bool) -> None:
        self.ends, self.left = ends, False

    async def stop(self) -> None:
        """Leave."""
        if not self.ends:
            await asyncio.Event().wait()
        self.left = True


class Cancelling(Leaving):
    """One that ends as if it had been cancelled, for it has cancelled what it fetched."""

    async def stop(self) -> None:
        """Leave."""
        fetching = asyncio.ensure_future(asyncio.sleep(60))
        await asyncio.sleep(0)
        fetching.cancel()
        self.left = True
        await fetching


def test_fetches_that_are_cancelled_while_a_consumer_stops_cancel_nothing_else() -> None:
    """Otherwise the thread ends and nobody is told: a worker that was fenced waited for it."""
    consumer = Cancelling(ends=True)

    async def stop() -> None:
        thread: Any = Rig().consumer._thread
        thread._consumer = consumer
        await thread.on_thread_stop()

    run(stop)
    assert consumer.left


def test_a_rebalance_that_ends_while_the_worker_stops_takes_no_connection_from_its_thread() -> None:
    """Faust closes them from the loop of the worker, and marks the consumer as closed."""
    left = Leaving(ends=True)

    async def stop() -> None:
        consumer: Any = Rig().consumer
        consumer._thread._consumer = left
        stopped: Any = SimpleNamespace(consumer=consumer)
        App._on_rebalance_when_stopped(stopped)
        await asyncio.sleep(0)
        assert not left.left
        await consumer._thread.on_thread_stop()

    run(stop)
    assert left.left


def test_who_cancels_the_stop_of_a_consumer_is_obeyed() -> None:
    async def test() -> None:
        thread: Any = Rig().consumer._thread
        thread._consumer = Leaving(ends=False)
        stopping = asyncio.ensure_future(thread.on_thread_stop())
        await asyncio.sleep(0.01)
        stopping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopping

    run(test)


@pytest.mark.parametrize("ends", [True, False])
def test_a_group_that_cannot_be_left_keeps_no_worker_from_ending(
    ends: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("streams.transport.thread.LEAVING", 0.05)
    consumer = Leaving(ends=ends)

    async def stop() -> None:
        thread: Any = Rig().consumer._thread
        thread._consumer = consumer
        await asyncio.wait_for(thread.on_thread_stop(), 20)

    run(stop)
    assert consumer.left is ends
    assert ("not left in order" in caplog.text) is not ends
