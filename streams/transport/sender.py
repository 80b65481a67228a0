"""aiokafka's producer of transactions, with fewer round trips one after the other.

aiokafka adds the partitions to a transaction, waits, sends the records, waits, adds the group of
the offsets, waits, sends the offsets, waits, and ends it. Of these five waits three are left: what
a transaction will hold is mostly known before there is anything to send, so its partitions and its
group are added while the run is still computed, by two requests sent together.

Two things of the broker stand behind that. It works on the requests of a connection one after the
other, so the second of the two comes when the first has been written down. And a transaction that
was added to and then holds nothing is ended like any other. No record and no offset goes out before
both have been answered, for while a transaction is added to the broker refuses them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.client import CoordinationType
from aiokafka.errors import ConcurrentTransactions
from aiokafka.producer import sender
from aiokafka.structs import TopicPartition

#: Seconds after which a transaction is begun again that came while the coordinator was completing
#: the one before; aiokafka has 20 ms, which is as long as all the rest of a small transaction.
COMPLETING = 0.005
sender.BACKOFF_OVERRIDE = COMPLETING  # there is no option for it


class PromptProducer(AIOKafkaProducer):  # type: ignore[misc]
    """A producer whose transactions may begin before there is anything to send."""

    _sender: Any

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        made = self._sender
        self._sender = PromptSender(
            self.client,
            acks=made._acks,
            txn_manager=self._txn_manager,
            message_accumulator=self._message_accumulator,
            retry_backoff_ms=made._retry_backoff * 1000,
            request_timeout_ms=made._request_timeout_ms,
        )

    async def begin_transaction(self) -> None:
        """Begin a transaction, or go on with the one that was begun ahead.

        Raises
        ------
        KafkaError
            What became of the one that was begun ahead.
        """
        ahead, self._sender.ahead = self._sender.ahead, None
        if ahead is None:
            await super().begin_transaction()
        elif not self._txn_manager.is_in_transaction():
            await self._txn_manager.wait_for_transaction_end()  # says how it has failed

    async def begin_ahead(self, places: Iterable[TopicPartition], group: str) -> None:
        """Begin a transaction that will write to partitions, and to the offsets of a group.

        Returns when the broker has been asked for it; nothing is done where it would take longer.
        """
        node = self._sender.coordinator
        if node is None or self._sender.ahead is not None:
            return
        self._txn_manager.begin_transaction()
        for place in places:
            self._txn_manager.maybe_add_partition_to_txn(place)
        self._sender.begin_ahead(node, group)
        await asyncio.sleep(0)


class PromptSender(sender.Sender):  # type: ignore[misc]
    """Adds partitions and group to a transaction together, where it was begun ahead."""

    #: What asks for a transaction that was begun ahead: until it is taken up, and until the routine
    #: that does one request of a transaction at a time has taken it for its own.
    ahead: asyncio.Future[Any] | None = None
    _asking: asyncio.Future[Any] | None = None

    @property
    def coordinator(self) -> int | None:
        """The broker that coordinates the transactions, where it is known."""
        node: int | None = self._coordinators.get(CoordinationType.TRANSACTION)
        return node

    def begin_ahead(self, node: int, group: str) -> None:
        """Ask for all that is to be added, at once."""
        self.ahead = self._asking = asyncio.gather(
            sender.AddPartitionsToTxnHandler(self, self._txn_manager.partitions_to_add()).do(node),
            AddGroupHandler(self, group).do(node),
        )

    def _maybe_do_transactional_request(self) -> asyncio.Future[Any] | None:
        asking, self._asking = self._asking, None
        if asking is not None:
            return asking
        task: asyncio.Future[Any] | None = super()._maybe_do_transactional_request()
        return task


class AddGroupHandler(sender.AddOffsetsToTxnHandler):  # type: ignore[misc]
    """Waits for a transaction that is completing as adding partitions does."""

    def handle_response(self, response: Any) -> float | None:
        """Seconds to wait before it is tried again; None when it need not be."""
        backoff: float | None = super().handle_response(response)
        return COMPLETING if response.error_code == ConcurrentTransactions.errno else backoff
