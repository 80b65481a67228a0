"""Faust's consumer, handing over runs of records instead of records, and losing none.

Overrides the insides of faust-streaming 0.15.3 and reads two private attributes of aiokafka 0.14;
``tests/streams/transport`` pins every one of them. What it cures, and how it was found, is told in
docs/decisions/0002-transport.md. Its rules:

- no source partition is fetched before the seek and the resume of its generation are done;
- whatever fetched record is thrown away marks its partition stale, and a stale partition is sought
  back to its due offset before anything more of it is delivered;
- ``_read_offset`` is the next offset to deliver, everywhere;
- a run that was not handed over, because the flow was suspended, does not move it;
- nothing is asked for of a partition whose lane is full: what is handed over never waits for room,
  or a backlog of one partition would keep those of the others, and the examples, from coming;
- recovery is told the position, not the last record: a log may end in transaction markers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aiokafka.errors import KafkaError, KafkaTimeoutError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from streams.transport.positions import Positions
from streams.transport.thread import RunConsumerThread, RunFetcher

if TYPE_CHECKING:
    from streams.checkpoint import Checkpoint

logger = logging.getLogger(__name__)

IDLE_POLL = 0.1
#: Seconds between looks whether there is room again for a partition that is left out.
LOOK_AGAIN = 0.01
#: Offsets without a record that are not looked into: the marker at the end of a transaction. More
#: may be markers, too, or what the broker has deleted.
MARKERS = 1


class RunConsumer(driver.Consumer):
    """Delivers runs; acknowledges through them; tells partitions' fate to the checkpoint."""

    def __init__(self, transport: RunTransport, *args: Any, **kwargs: Any) -> None:
        super().__init__(transport, *args, **kwargs)
        self.checkpoint = transport.checkpoint
        self.max_run = transport.max_run
        self.lost = transport.lost
        self.last = transport.last
        self.has_room = transport.has_room
        self.positions = Positions(self)
        self._through: dict[TP, int] = {}
        self._sought = self._ready = -1
        self._stale: set[TP] = set()

    def _new_consumer_thread(self) -> Any:
        return RunConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # -- rebalances ------------------------------------------------------------------------

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Open transactions, which fences the owner before, and only then let recovery read."""
        try:
            await self.checkpoint.own(
                {tp for tp in assigned if tp.topic in self.checkpoint.sources}
            )
            await super().on_partitions_assigned(assigned, generation_id)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            # aiokafka would log it and leave a worker that sits there idle.
            await self.app.crash(error)
            raise

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let the app end its runs and commit them, and forget what it could not commit.

        That is read again by its next owner, and dropped by its offset.
        """
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._through.pop(tp, None)

    async def perform_seek(self) -> None:
        """Seek the source partitions to their committed offsets, and tell what is gone there.

        Of a partition that retention has emptied no record comes to tell it by.
        """
        generation = self.app.consumer_generation_id
        self._stale.clear()
        await super().perform_seek()
        due = {tp: offset for tp, offset in self._read_offset.items() if offset}
        for tp, start in (await self._starts(due)).items():
            if start > due[tp]:
                self._tell_loss(tp, due[tp], start)
                self._read_offset[tp] = start
        self._sought = generation

    def resume_flow(self) -> None:
        """Let the flow go on; from here on sources may be fetched, if they have been sought."""
        super().resume_flow()
        self._ready = self._sought

    # -- acknowledging ---------------------------------------------------------------------

    def ack(self, message: Any) -> bool:
        """Acknowledge a run: everything of its partition up to its offset is done.

        With transactions a source's offset has gone with its transaction, and nothing is left to
        commit.
        """
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        if self._waiting_for_ack is not None and not self._waiting_for_ack.done():
            self._waiting_for_ack.set_result(None)
        if message.topic in self.checkpoint.sources and not self.checkpoint.transactional:
            self._through[message.tp] = message.offset + 1
            self._n_acked += 1
        return True

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        """Faust looks in what it has dropped already when partitions are about to leave."""
        return iter(tuple(self._through))

    def _new_offset(self, tp: TP) -> int | None:
        return self._through.pop(tp, None)

    async def commit_and_end_transactions(self) -> None:
        """Commit all that was acknowledged, also since a commit began that is under way.

        Faust takes one for the other, and hands partitions over without what was done meanwhile.
        """
        await self.maybe_wait_for_commit_to_finish()
        await super().commit_and_end_transactions()

    # -- fetching --------------------------------------------------------------------------

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109
        if active_partitions is not None and self._ready != self.app.consumer_generation_id:
            active_partitions = {tp for tp in active_partitions if self._is_changelog_tp(tp)}
            if not active_partitions:
                await asyncio.sleep(IDLE_POLL)
                return {}
            timeout = IDLE_POLL
        if active_partitions is not None:
            roomy = set(filter(self.has_room, active_partitions))
            if not roomy:
                await asyncio.sleep(LOOK_AGAIN)
                return {}
            if roomy != active_partitions:
                active_partitions, timeout = roomy, LOOK_AGAIN
        return await super()._getmany(active_partitions, timeout)

    def _changelog_ends(self) -> dict[TP, int]:
        """Changelog partitions -> last offset fetched so far, transaction markers included."""
        if not self.flow_active:
            return {}
        return {
            tp: state._position - 1
            for tp, state in self.positions.states()
            if self._is_changelog_tp(tp)
        }

    async def _drain_messages(self, fetcher: Any) -> None:
        while not (self._stopped.is_set() or fetcher._stopped.is_set()):
            fetched, active = await self._wait_next_records(1.0)
            generation = self.app.consumer_generation_id
            ends = self._changelog_ends()
            await asyncio.sleep(0)
            if self.should_stop:
                return
            await self._deliver_fetched(fetched or {}, active, ends, generation)
            await self._deliver_ends(ends, generation)
            await self._seek_stale(generation)

    def _flows(self, generation: int) -> bool:
        return self.flow_active and bool(self.app.consumer_generation_id == generation)

    async def _deliver_fetched(
        self, fetched: Mapping[TP, Any], active: Any, ends: Mapping[TP, int], generation: int
    ) -> None:
        for tp, records in fetched.items():
            if not await self._deliver_partition(tp, records, ends.get(tp, -1), active, generation):
                self._stale.add(tp)

    async def _deliver_ends(self, ends: Mapping[TP, int], generation: int) -> None:
        """Tell recovery where it is when only markers or compacted offsets were left."""
        for tp, end in ends.items():
            behind = end >= (self._read_offset[tp] or 0)
            if behind and tp not in self._stale and self._flows(generation):
                await self._deliver(tp, [], end, generation)

    async def _seek_stale(self, generation: int) -> None:
        if not self._stale or not self._flows(generation):
            return
        again = {
            tp: self._read_offset[tp] or 0
            for tp in self._stale
            if self._is_changelog_tp(tp) or self._ready == generation
        }
        await self.seek_wait(again)
        self._stale -= again.keys()

    async def _deliver_partition(
        self, tp: TP, records: list[Any], end: int, active: Any, generation: int
    ) -> bool:
        """Deliver what was fetched of a partition; False if any of it had to be thrown away."""
        if tp in self._stale or not self._may_deliver(tp, active, generation):
            return False
        due = self._read_offset[tp]
        if due is not None:
            is_source = tp.topic in self.checkpoint.sources
            if is_source and not await self._look_for_loss(tp, due, records[0].offset):
                return False
            if records[0].offset < due:
                records = [record for record in records if record.offset >= due]
        for start in range(0, len(records), self.max_run):
            run = records[start : start + self.max_run]
            is_last = start + self.max_run >= len(records)
            offset = max(run[-1].offset, end) if is_last else run[-1].offset
            if not self._flows(generation) or not await self._deliver(tp, run, offset, generation):
                return False
        return True

    async def _look_for_loss(self, tp: TP, due: int, first: int) -> bool:
        """Never go on in silence where aiokafka has moved an offset that was out of range.

        Returns False where no broker can say yet what became of the offsets.
        """
        if first < due:
            self.positions.insist_on(tp, due)
        elif first - due > MARKERS:
            starts = await self._starts([tp])
            if not starts:
                return False
            if starts[tp] > due:
                self._tell_loss(tp, due, starts[tp])
        return True

    async def _starts(self, tps: Iterable[TP]) -> dict[TP, int]:
        """Source partitions -> their first offsets; nothing where no broker can say it yet."""
        sources = [tp for tp in tps if tp.topic in self.checkpoint.sources]
        try:
            return dict(await self.earliest_offsets(*sources)) if sources else {}
        except KafkaError as error:
            if not (error.retriable or isinstance(error, KafkaTimeoutError)):
                raise
            place = {"topic": sources[0].topic, "partition": sources[0].partition}
            logger.warning("where it begins is asked again: %r", error, extra=place)
            return {}

    def _tell_loss(self, tp: TP, due: int, start: int) -> None:
        self.lost(tp, start - due)
        logger.error(
            "records from offset %d to %d are gone before they were read: retention of the topic "
            "is shorter than the lag", due, start - 1,
            extra={"topic": tp.topic, "partition": tp.partition, "offset": due},
        )  # fmt: skip

    def _may_deliver(self, tp: TP, active: Any, generation: int) -> bool:
        if not self._is_changelog_tp(tp) and self._ready != generation:
            return False
        return active is None or tp in active or tp in self._buffered_partitions

    async def _deliver(self, tp: TP, run: list[Any], offset: int, generation: int) -> bool:
        stamp, kind = (run[-1].timestamp / 1000, run[-1].timestamp_type) if run else (0.0, 0)
        value: Any = run
        message = ConsumerMessage(
            tp.topic, tp.partition, offset, stamp, kind, None, None, value, None, 0, 0, tp,
            generation_id=generation,
        )  # fmt: skip
        handed = self.callback(message)
        result = await self.wait_first(handed, self.suspend_flow.wait())
        if handed not in result.done:
            return False
        self._read_offset[tp] = offset + 1
        return True


class RunTransport(driver.Transport):
    """Faust's transport with our consumer.

    Parameters
    ----------
    checkpoint
        Which partitions' fate it is told.
    max_run
        Records in a run, at most.
    lost
        Told of each source partition how many of its offsets were deleted before they were read.
    has_room
        Whether more of a partition may be handed over.
    last
        A topic whose records are handed over after those of others.
    """

    Consumer = RunConsumer
    Fetcher = RunFetcher

    def __init__(
        self,
        *args: Any,
        checkpoint: Checkpoint,
        max_run: int,
        lost: Callable[[TP, int], None],
        has_room: Callable[[TP], bool],
        last: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.checkpoint = checkpoint
        self.max_run = max_run
        self.lost = lost
        self.last = last
        self.has_room = has_room
