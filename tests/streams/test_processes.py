"""Children end with us, however we end, and when they are told to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.admin import BrokerError
from streams.processes import (
    PORTS,
    embedded_broker,
    free_port,
    penchant,
    python,
    start,
    stop,
    wait_for_port,
)
from tests.support.cluster import until

DEAF = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(600)"  # noqa: E501
QUICK = "import time; print('on', flush=True); time.sleep(600)"
PARENT = """\
import sys, time
from pathlib import Path
from streams.processes import python, start
child = start(python("-c", "import time; time.sleep(600)"), Path(sys.argv[1]))
print(child.pid, flush=True)
time.sleep(600)
"""


def started(code: str, log: Path) -> subprocess.Popen[bytes]:
    child = start(python("-c", code), log)
    until(lambda: log.read_bytes().startswith(b"on"), "the child to be up", 60)
    return child


def lives(pid: int) -> bool:
    """Whether a process runs, and is not only waiting to be looked after."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_a_child_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    child = started(QUICK, tmp_path / "log")
    assert stop(child) == -signal.SIGTERM
    assert stop(child) == -signal.SIGTERM  # once more does no harm


def test_a_child_that_does_not_listen_is_made_to_end(tmp_path: Path) -> None:
    child = started(DEAF, tmp_path / "log")
    assert stop(child, 0.5) == -signal.SIGKILL


def test_a_child_that_has_ended_says_how(tmp_path: Path) -> None:
    child = start(python("-c", "raise SystemExit(3)"), tmp_path / "log")
    child.wait(60)
    assert stop(child) == 3


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_does_not_outlive_its_parent(tmp_path: Path, number: signal.Signals) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path / "log")],
                              stdout=subprocess.PIPE)  # fmt: skip
    assert parent.stdout is not None
    with parent.stdout as said:
        pid = int(said.readline())
    assert lives(pid)
    parent.send_signal(number)
    parent.wait(60)
    until(lambda: not lives(pid), "the child to end with its parent", 60)


def test_a_child_has_a_session_of_its_own_and_its_output_in_a_file(tmp_path: Path) -> None:
    """Ctrl-C in the terminal reaches us alone; we decide in which order children end."""
    log = tmp_path / "log"
    log.write_text("before\n")
    code = "import os, sys; print(os.getsid(0) == os.getpid(), os.environ['X']); print('e', file=sys.stderr)"  # noqa: E501
    child = start(python("-c", code), log, {"X": "added"})
    assert child.wait(60) == 0
    assert log.read_text().splitlines()[0] == "before"
    assert sorted(log.read_text().splitlines()[1:]) == ["True added", "e"]
    assert "X" not in os.environ


def test_waiting_for_a_port_ends_when_the_child_has(tmp_path: Path) -> None:
    child = start(python("-c", "raise SystemExit(5)"), tmp_path / "log")
    started_at = time.monotonic()
    with pytest.raises(BrokerError, match=r"nothing listens on port \d+ \(exit code 5\)"):
        wait_for_port(free_port(), child, 60)
    assert time.monotonic() - started_at < 50


def test_a_port_is_given_once_though_nobody_listens_on_it_yet() -> None:
    ports = [free_port() for _ in range(500)]
    assert len(set(ports)) == len(ports)
    with socket.create_server(("127.0.0.1", ports[0])):  # what was given can be listened on
        assert set(ports) <= set(PORTS)


def test_our_commands_run_with_this_python() -> None:
    assert penchant("check", "goals.yaml")[0] == sys.executable
    assert penchant("check", "goals.yaml")[-2:] == ["check", "goals.yaml"]


@pytest.mark.embedded
def test_the_embedded_broker_ends_with_its_block(tmp_path: Path) -> None:
    with embedded_broker(tmp_path) as address:
        place = ("127.0.0.1", int(address.rpartition(":")[2]))
        socket.create_connection(place, 5).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(place, 5)
