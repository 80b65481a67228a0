"""The thread that aiokafka's consumer lives in, and the service that drains it.

Both are Faust's, and start and end in order here whatever happens meanwhile. Overrides the insides
of faust-streaming 0.15.3 and sets private attributes of aiokafka 0.14, which
``tests/streams/transport`` pins.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from faust.transport.consumer import Fetcher
from faust.transport.drivers import aiokafka as driver
from mode import Service

from models.errors import PenchantError
from streams.lanes import is_cancelled
from streams.transport.reading import Fetched

logger = logging.getLogger(__name__)

#: Milliseconds that a broker may keep a fetch waiting for data; Faust has 1,500. While a partition
#: has records that are not yet handed over, aiokafka fetches the others without it: where those are
#: quiet, nothing at all comes from the busy one until the broker gives up waiting for them.
FETCH_WAIT_MS = 50
#: Seconds that leaving the group may take. Aiokafka waits for the rebalance that it is in the
#: middle of, which may wait for an app that has crashed, or for as long as a request may take.
LEAVING = 10.0


class FetchError(PenchantError):
    """Fetching has ended although nothing asked the worker to stop."""


class RunFetcher(Fetcher):
    """The service that drains the consumer; may be stopped in the middle of a rebalance.

    Faust's own takes that for a reason to restart, calls a supervisor that it does not have, and
    crashes a worker that was only told to stop.
    """

    @Service.task
    async def _fetcher(self) -> None:
        consumer: Any = self.app.consumer
        try:
            await consumer._drain_messages(self)
        except asyncio.CancelledError:
            if not (self.should_stop or self.app.should_stop):
                raise FetchError("fetching was cancelled: nothing more would be read") from None
        finally:
            self.set_shutdown()


class RunConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that aiokafka's consumer lives in; reads committed records where there are any.

    Both have to be said to the consumer before it starts, and Faust has no setting for them.
    """

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        if transport.checkpoint.transactional:
            consumer._isolation_level = "read_committed"
        return consumer

    async def on_start(self) -> None:
        """Start the consumer; it hands over what it fetches as it is parsed."""
        await super().on_start()
        ours: Any = self.consumer
        self._ensure_consumer()._fetcher._records = Fetched(ours.last)

    async def on_thread_stop(self) -> None:
        """Leave the group, if that can be done soon; if not, the session ends by itself.

        Aiokafka cancels what it still fetches, waits for that, and so ends as if it had been
        cancelled itself; mode then never hears that the thread has ended, and waits for it.
        """
        try:
            await asyncio.wait_for(super().on_thread_stop(), LEAVING)
        except TimeoutError:
            logger.warning("the group was not left in order: its partitions wait for the session")
        except asyncio.CancelledError:
            if is_cancelled(asyncio.current_task()):
                raise

    def close(self) -> None:
        """Close nothing: the thread does when it ends, which the worker is about to tell it.

        Faust asks for it where a rebalance ends while the worker stops, and closes connections
        from another thread than theirs, under a consumer that still fetches and has a group to
        leave: its members then wait for the session of who has gone.
        """

    def on_crash(self, msg: str, *fmt: Any, **kwargs: Any) -> None:
        """Say nothing beside the log, where the crash is told."""

    def _stopped_set(self) -> None:
        """Tell the thread to stop, unless a crash has ended it already."""
        if not self.thread_loop.is_closed():
            super()._stopped_set()
