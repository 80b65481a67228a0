"""How a worker and its trainers' process talk: a request and its answer, through pipes.

Each is a pickle with its length before it. A worker that is gone, however it went, closes its end:
the trainers then end as well. What they raise comes back as text, for what a bug raises may not
survive the way.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
from collections.abc import Sequence
from typing import IO, Any, NamedTuple

from models.errors import PenchantError
from streams.agents.desk import Schools
from streams.collector import calm_collector
from streams.tracebacks import ElsewhereError, place_of, traceback_of

LENGTH = struct.Struct("!Q")


class Failure(NamedTuple):
    """What was raised in the other process.

    Parameters
    ----------
    text
        What it says; it may quote an example.
    place
        Its kind and where it was raised.
    traceback
        How it came about, without what it says.
    on_purpose
        Whether it is one of ours.
    """

    text: str
    place: str
    traceback: str
    on_purpose: bool

    def error(self) -> Exception:
        """What is raised in this one."""
        if self.on_purpose:
            return PenchantError(self.text)
        return ElsewhereError(self.text, self.place, self.traceback)


def send(pipe: IO[bytes], message: Any) -> None:
    """Write a message; waits while the pipe is full."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    rest = memoryview(LENGTH.pack(len(body)) + body)
    while rest:
        rest = rest[pipe.write(rest) :]


def receive(pipe: IO[bytes]) -> Any:
    """Read a message; waits for it.

    Raises
    ------
    EOFError
        Nobody is at the other end.
    """
    (length,) = LENGTH.unpack(_read(pipe, LENGTH.size))
    return pickle.loads(_read(pipe, length))  # noqa: S301 - from our own other half


def _read(pipe: IO[bytes], length: int) -> bytearray:
    found = bytearray()
    while len(found) < length:
        part = pipe.read(length - len(found))
        if not part:
            raise EOFError
        found += part
    return found


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Have trainers do what is asked, until nobody asks any more.

    Parameters
    ----------
    requests, answers
        Unbuffered. The first request is what to make :class:`Schools` of.
    """
    try:
        schools = Schools(*receive(requests))
        calm_collector()
        while True:
            name, arguments = receive(requests)
            send(answers, _done(schools, name, arguments))
    except (EOFError, BrokenPipeError):
        return


def _done(schools: Schools, name: str, arguments: Sequence[Any]) -> Any:
    try:
        return getattr(schools, name)(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is, the worker has to know
        on_purpose = isinstance(error, PenchantError)
        return Failure(str(error), place_of(error), traceback_of(error), on_purpose)


def main() -> None:
    """The other process: it ends with its requests, whatever signals come."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever prints something does not answer with it
    with os.fdopen(0, "rb", 0) as requests, os.fdopen(answers, "wb", 0) as written:
        serve(requests, written)
