"""What is said when a worker ends by itself: one line for what is known, a traceback for a bug.

Faust logs a crash once for every service that hears of it, each time with a traceback. Somebody who
runs the worker wants to know what happened and what to do; only a bug needs the traceback, once.
"""

from __future__ import annotations

import errno
import logging
import threading

from aiokafka import errors

from models.errors import PenchantError
from streams.tracebacks import place_of

logger = logging.getLogger("penchant")

#: What mode says when a service crashes or a worker cannot start, and when the worker then ends.
CRASHED = ("Crashed reason=%r", "]: Error: %r")
RERAISING = "Reraising original exception"

#: What a bug says may quote an event, so only where it was raised is said.
BUG = "the worker stops: a bug, %s"
AGAIN = "nothing was acknowledged that is not done; started again it goes on from there"

#: The more specific kinds first: what happened and what to do.
KNOWN: tuple[tuple[tuple[type[errors.KafkaError], ...], str], ...] = (
    (
        (errors.ProducerFenced, errors.InvalidProducerEpoch),
        "another worker has taken over partitions of this one, which was silent for longer than "
        "its session (PENCHANT_SESSION_TIMEOUT) or than a transaction may be open "
        f"(PENCHANT_TRANSACTION_TIMEOUT): {AGAIN}",
    ),
    (
        (
            errors.TopicAuthorizationFailedError, errors.GroupAuthorizationFailedError,
            errors.ClusterAuthorizationFailedError, errors.TransactionalIdAuthorizationFailed,
        ),
        "the broker does not permit it: the user needs read and write on the topics, read on the "
        "group and write on the transactional ids that start with PENCHANT_PREFIX",
    ),
    (
        (errors.UnknownTopicOrPartitionError,),
        "a topic is not there any more: penchant topics CONFIG shows which",
    ),
    (
        (errors.MessageSizeTooLargeError, errors.RecordTooLargeError),
        "a record is larger than the broker takes: its message.max.bytes has to be 1 MiB at least",
    ),
    (
        (
            errors.KafkaConnectionError, errors.NodeNotReadyError, errors.RequestTimedOutError,
            errors.KafkaTimeoutError, errors.NotEnoughReplicasError,
            errors.NotEnoughReplicasAfterAppendError,
        ),
        f"the brokers do not answer, or cannot write: {AGAIN}",
    ),
    ((errors.KafkaError,), f"Kafka failed: {AGAIN}"),
)  # fmt: skip


def explain(error: BaseException) -> str | None:
    """What happened and what to do, in one line; None for what can only be a bug.

    Examples
    --------
    >>> explain(errors.UnknownTopicOrPartitionError())[:65]
    'a topic is not there any more: penchant topics CONFIG shows which'
    >>> explain(KeyError("goal")) is None
    True
    """
    if isinstance(error, PenchantError):
        return one_line(str(error))
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"the port for metrics and health is taken, PENCHANT_WEB_PORT chooses it ({error})"
    for kinds, advice in KNOWN:
        if isinstance(error, kinds):
            return f"{advice} ({one_line(str(error)) or type(error).__name__})"
    return None


def one_line(text: str) -> str:
    """A text without line breaks."""
    return " ".join(text.split())


class CrashFilter(logging.Filter):
    """Lets a crash through once: explained in a line, or with the traceback of a bug.

    Put on a handler, so that it sees what any library logs.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told: list[BaseException] = []
        self._stops = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is shown; it may be shortened."""
        if RERAISING in record.getMessage() and self._told:
            return False
        error = error_of(record)
        if error is None:
            return True
        if any(error is one for one in self._told):
            return False
        explained = explain(error)
        crash = tells_crash(record)
        if crash or explained is None:
            self._told.append(error)
        # A service may crash with an error that is not being handled any more.
        record.exc_info = (type(error), error, error.__traceback__) if explained is None else None
        record.exc_text = None
        if not crash:
            return True
        if explained is None:
            record.name, record.msg, record.args = "penchant", BUG, (place_of(error),)
            return True
        return self._say(record, explained)

    def _say(self, record: logging.LogRecord, explained: str) -> bool:
        """Make a record say why the worker stops; what follows from that is not said again."""
        first, self._stops = not self._stops, True
        record.name, record.msg, record.args = "penchant", "the worker stops: %s", (explained,)
        return first


def error_of(record: logging.LogRecord) -> BaseException | None:
    """The error whose traceback a log record would show, or that a service crashed with."""
    if record.exc_info and record.exc_info[1] is not None:
        return record.exc_info[1]
    if tells_crash(record) and isinstance(record.args, tuple):
        return next((one for one in record.args if isinstance(one, BaseException)), None)
    return None


def tells_crash(record: logging.LogRecord) -> bool:
    """Whether a record is how mode tells a crash; a library may log what is no text at all."""
    return str(record.msg).endswith(CRASHED)


def show_crashes_once(handler: logging.Handler) -> None:
    """Put the filter on a handler; what a thread ends with goes there, too."""
    handler.addFilter(CrashFilter())
    threading.excepthook = _log_thread


def _log_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None:
        logger.error("a thread ended", exc_info=ended.exc_value)
