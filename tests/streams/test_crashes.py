"""A crash is told once: in a line where it is known what to do, a bug with its traceback."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator

import mode
import pytest
from aiokafka import errors

from models.errors import StateError
from streams.crashes import explain, show_crashes_once
from tests.support.transport import run


class Log:
    """A log as the worker has it."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def log() -> Iterator[Log]:
    found, hook = Log(), threading.excepthook
    show_crashes_once(found.handler)
    logging.getLogger().addHandler(found.handler)
    yield found
    logging.getLogger().removeHandler(found.handler)
    threading.excepthook = hook


def crash(*reasons: BaseException) -> None:
    """Crash a tree of services, as an app and its worker are."""

    async def crashing() -> None:
        parent = mode.Service()
        child = mode.Service(beacon=parent.beacon)
        for reason in reasons:
            try:
                raise reason
            except type(reason) as error:
                await child.crash(error)
                await parent.crash(error)

    run(crashing)


def test_a_known_crash_is_one_line_with_what_to_do(log: Log) -> None:
    crash(errors.ProducerFenced(), errors.ProducerFenced())
    (line,) = log.lines
    assert line.startswith("ERROR penchant the worker stops: another worker has taken over")
    assert "PENCHANT_SESSION_TIMEOUT" in line


def test_a_library_may_log_what_is_no_text(log: Log) -> None:
    logging.getLogger("library").warning(ValueError("odd"))
    assert log.lines == ["WARNING library odd"]


def test_a_bug_is_told_with_its_traceback_once(log: Log) -> None:
    crash(KeyError("goal"))
    assert log.lines.count("Traceback (most recent call last):") == 1
    assert log.lines[-1] == "KeyError: 'goal'"


def test_a_bug_after_a_known_crash_is_not_hidden(log: Log) -> None:
    crash(errors.KafkaConnectionError("gone"), KeyError("goal"))
    assert "the brokers do not answer" in log.lines[0]
    assert log.lines[-1] == "KeyError: 'goal'"


def test_the_traceback_is_there_when_the_error_is_no_longer_handled(log: Log) -> None:
    async def crashing() -> None:
        await mode.Service().crash(KeyError("goal"))

    run(crashing)
    assert log.lines[-1] == "KeyError: 'goal'"


def test_a_worker_that_cannot_start_says_why(log: Log) -> None:
    """As a real one does: the port for its pages is taken."""
    error = OSError(98, "address already in use")
    logging.getLogger("faust.worker").error("[^Worker]: Error: %r", error, exc_info=error)
    (line,) = log.lines
    assert "the worker stops: the port for metrics and health is taken" in line


def test_other_errors_of_kafka_are_shown_as_they_are_without_traceback(log: Log) -> None:
    error = errors.NodeNotReadyError("node 1")
    logging.getLogger("aiokafka").error("Heartbeat failed: %s", error, exc_info=error)
    logging.getLogger("aiokafka").error("Heartbeat failed: %s", error)
    assert len(log.lines) == 2
    assert all(line.startswith("ERROR aiokafka Heartbeat failed: ") for line in log.lines)


def test_what_a_thread_ends_with_is_told_in_the_log(log: Log) -> None:
    def fail() -> None:
        raise KeyError("goal")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert "ERROR penchant a thread ended" in log.lines
    assert log.lines[-1] == "KeyError: 'goal'"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.ProducerFenced(), "another worker has taken over"),
        (errors.InvalidProducerEpoch(), "another worker has taken over"),
        (errors.TopicAuthorizationFailedError("shop.events"), "does not permit it"),
        (errors.TransactionalIdAuthorizationFailed(), "does not permit it"),
        (errors.UnknownTopicOrPartitionError(), "penchant topics CONFIG"),
        (errors.MessageSizeTooLargeError(), "message.max.bytes"),
        (errors.KafkaConnectionError("refused"), "do not answer"),
        (errors.RequestTimedOutError(), "do not answer"),
        (errors.CorruptRecordException(), "started again it goes on from there"),
        (StateError("written by\na newer version"), "written by a newer version"),
    ],
)
def test_what_is_known_is_explained_in_a_line(error: Exception, said: str) -> None:
    explained = explain(error)
    assert explained is not None
    assert said in explained
    assert "\n" not in explained


def test_a_bug_is_not_explained() -> None:
    assert explain(KeyError("goal")) is None
    assert explain(OSError(2, "no such file")) is None
