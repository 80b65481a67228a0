"""Producers that start and end in order."""

from __future__ import annotations

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    IncompatibleBrokerVersion,
    KafkaError,
    UnknownError,
    UnsupportedVersionError,
)

from models.errors import PenchantError

#: What a broker answers, or its client says for it, that has never heard of transactions.
UNHEARD_OF = (UnknownError, UnsupportedVersionError, IncompatibleBrokerVersion)
#: What to do then.
WITHOUT = "for a broker without transactions set PENCHANT_GUARANTEE=at_least_once"


class TransactionsError(PenchantError):
    """The broker begins no transactions."""


async def start_producer(producer: AIOKafkaProducer) -> None:
    """Start a producer; one that cannot start is closed.

    Raises
    ------
    TransactionsError
        It was to write in transactions, and the broker seems to have none.
    KafkaError
        Anything else that is wrong.
    """
    try:
        await producer.start()
    except UNHEARD_OF as error:
        await close_producer(producer)
        said = f"the broker begins no transaction ({type(error).__name__}): {WITHOUT}"
        raise TransactionsError(said) from None
    except BaseException:
        await close_producer(producer)
        raise


async def close_producer(producer: AIOKafkaProducer) -> None:
    """Close a producer, whatever has become of it."""
    try:
        await producer.stop()
    except KafkaError:
        # Fenced, or in doubt: the owner after us has taken over, or will.
        return
