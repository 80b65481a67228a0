"""Trainers in a process of their own: learning does not keep scores waiting."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pickle
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, cast

from models.config.schema import Config
from models.errors import PenchantError
from models.learning.school import Lesson, Portrait, Written
from models.learning.trainer import Trainer
from streams.agents.desk import Enrolment, NewTrainer
from streams.agents.pipes import Failure, receive, send

#: Bytes that a pipe holds, where the system lets us say so: a run goes through in one piece.
PIPE_BYTES = 1 << 20
#: Seconds that the trainers have to end by themselves.
PATIENCE = 5.0
PROGRAM = "from streams.agents.pipes import main; main()"


class TrainersGoneError(PenchantError):
    """The trainers' process has ended, and nobody has told it to."""


class Apart:
    """A desk in another process, which is started when it is needed.

    Parameters
    ----------
    config
        The questions.
    new_trainer
        Makes the trainer of a goal; something that the other process can import.
    """

    def __init__(self, config: Config, new_trainer: NewTrainer = Trainer) -> None:
        self._first = config, new_trainer
        self._child: subprocess.Popen[bytes] | None = None
        # One thread: what is asked is answered in that order, and whoever no longer waits for an
        # answer leaves it to be read.
        self._thread = ThreadPoolExecutor(1, "trainers")
        self._ended = False

    @property
    def pid(self) -> int | None:
        """The process, if it has been started."""
        return None if self._child is None else self._child.pid

    def begin(self) -> None:
        """Start the other process: it takes a second to import what it needs."""
        if self._child is None and not self._ended:
            self._thread.submit(self._running)

    async def open(self, number: int, enrolment: Enrolment) -> list[Portrait]:
        """Open a school; what there is to show of its trainers."""
        portraits: list[Portrait] = await self._ask("open", number, enrolment)
        return portraits

    async def learn(self, number: int, values: Sequence[bytes | None]) -> Lesson:
        """See :meth:`School.learn`."""
        lesson: Lesson = await self._ask("learn", number, values)
        return lesson

    async def write(self, number: int) -> Written:
        """See :meth:`School.write`."""
        written: Written = await self._ask("write", number)
        return written

    def close(self, numbers: Iterable[int]) -> None:
        """Let go of schools."""
        if self._child is not None and not self._ended:
            self._thread.submit(self._exchange, "close", list(numbers))

    async def end(self) -> None:
        """Let go of everything."""
        self._ended = True
        self._thread.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._end)

    async def _ask(self, name: str, *arguments: Any) -> Any:
        """Have something done there.

        Raises
        ------
        PenchantError
            What was raised there on purpose; :class:`TrainersGoneError` when nobody is there.
        ElsewhereError
            Anything else that was.
        """
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._thread, self._exchange, name, *arguments)
        if isinstance(answer, Failure):
            raise answer.error()
        return answer

    def _exchange(self, name: str, *arguments: Any) -> Any:
        child = self._running()
        try:
            send(_requests(child), (name, arguments))
            return receive(_answers(child))
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            code = child.wait(PATIENCE)
            said = f"the trainers' process has ended (exit code {code}): out of memory, or killed"
            raise TrainersGoneError(said) from error

    def _running(self) -> subprocess.Popen[bytes]:
        """The other process; only ever asked for in the thread."""
        if self._child is None:
            self._child = _start()
            send(_requests(self._child), self._first)
        return self._child

    def _end(self) -> None:
        child = self._child
        if child is None:
            return
        with contextlib.suppress(OSError):
            _requests(child).close()
        try:
            child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        _answers(child).close()


def _start() -> subprocess.Popen[bytes]:
    # What can be imported there is what can be here: with -c alone a folder "models" where somebody
    # has started the worker would come first. A session of its own, for Ctrl-C in a terminal is for
    # the worker, who ends the trainers.
    path = os.pathsep.join(place or str(Path.cwd()) for place in sys.path)
    child = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-P", "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env=os.environ | {"PYTHONPATH": path},
        start_new_session=True,
    )
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        for pipe in (_requests(child), _answers(child)):
            with contextlib.suppress(OSError):  # as large as the system lets it be
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return child


def _requests(child: subprocess.Popen[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", child.stdin)


def _answers(child: subprocess.Popen[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", child.stdout)
