"""Where a consumer is in its partitions, as aiokafka knows it: lags, ends, what could be read.

Reads the subscription state of aiokafka 0.14, which ``tests/streams/transport`` pins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from faust.types import TP

from models.errors import PenchantError


class RecreatedError(PenchantError):
    """A source topic is not the one that was read before."""


class Positions:
    """Of the partitions that are assigned to a consumer.

    Parameters
    ----------
    consumer
        A :class:`~streams.transport.consumer.RunConsumer`.
    """

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    def states(self, tps: Iterable[TP] | None = None) -> Iterator[tuple[TP, Any]]:
        """Aiokafka's state of assigned partitions; of all if left out."""
        thread = self._consumer._thread
        consumer = thread._consumer if thread is not None else None
        subscription = consumer._subscription.subscription if consumer is not None else None
        assignment = subscription.assignment if subscription is not None else None
        if assignment is None:
            return
        for tp in assignment.tps if tps is None else tps:
            state = assignment.state_value(tp)
            if state is not None and state.has_valid_position:
                yield TP(tp.topic, tp.partition), state

    def _sources(self, tps: Iterable[TP] | None = None) -> Iterator[tuple[TP, Any]]:
        checkpoint = self._consumer.checkpoint
        return ((tp, state) for tp, state in self.states(tps) if tp.topic in checkpoint.sources)

    def insist_on(self, tp: TP, due: int) -> None:
        """See to it that a partition still has the offset up to which it was read.

        Raises
        ------
        RecreatedError
            It ends before.
        """
        ends = [state.highwater for _, state in self.states([tp])]
        if any(end is not None and end < due for end in ends):
            raise RecreatedError(
                f"{tp.topic}, partition {tp.partition}: it ends before offset {due}, up to which "
                "it was read before. It was deleted and created anew, or has lost records: what "
                "is in it now would be taken for what was done with. Start anew with another "
                "PENCHANT_PREFIX"
            )

    def readable(self, done: Mapping[TP, int]) -> set[TP]:
        """Source partitions with records that could be read, or are read and not yet done with.

        What stands behind somebody's open transaction is not among them: it is lag, but no worker
        could read it.

        Parameters
        ----------
        done
            As of :meth:`lags`.
        """
        return {
            tp
            for tp, state in self._sources()
            if self._under_way(tp, done) > 0 or state._position < self._end(state)
        }

    def lags(self, done: Mapping[TP, int], tps: Iterable[TP] | None = None) -> dict[TP, int]:
        """Source partitions -> offsets that the broker has and that are not done with.

        Parameters
        ----------
        done
            Source partitions -> the offset after the last one that was handed over and is durable.
        tps
            Those that are looked at; all if left out.
        """
        return {
            tp: max((state.highwater or 0) - state._position, 0) + max(self._under_way(tp, done), 0)
            for tp, state in self._sources(tps)
        }

    def _end(self, state: Any) -> int:
        """The offset that may be read up to: the last stable one where only committed ones are."""
        highwater: int = state.highwater or 0
        stable = state.lso if self._consumer.checkpoint.transactional else None
        return highwater if stable is None or stable < 0 else min(highwater, stable)

    def _under_way(self, tp: TP, done: Mapping[TP, int]) -> int:
        """Offsets handed over since what is durable; before that is known, what was committed."""
        read: int = self._consumer._read_offset[tp] or 0
        before = self._consumer._committed_offset.get(tp)
        return read - done.get(tp, read if before is None else before)

    def caught_up(self, tp: TP, now: float, within: float) -> bool:
        """Whether a poll of the last ``within`` seconds found nothing more in a partition.

        Parameters
        ----------
        tp
            A source partition.
        now
            Wall clock, seconds.
        within
            Seconds.
        """
        for _, state in self.states([tp]):
            polled = state.timestamp is not None and now - state.timestamp / 1000 <= within
            return bool(polled and state.highwater is not None and (
                state._position >= state.highwater
            ))  # fmt: skip
        return False
