"""A crashed worker ends, even if something of it hangs; one that has not crashed is left alone."""

from __future__ import annotations

import subprocess
import time
from types import SimpleNamespace

from streams.ending import LOOK_EVERY, end_after_crash
from streams.processes import python

HANGS = """
import logging, time
from types import SimpleNamespace
from streams.ending import end_after_crash
logging.basicConfig()
app = SimpleNamespace(crashed=False)
end_after_crash(app, grace=0.1)
app.crashed = True
time.sleep(600)
"""


def test_a_process_that_hangs_after_its_crash_ends_with_an_error() -> None:
    ended = subprocess.run(
        python("-c", HANGS), capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "has not ended by itself since its crash" in ended.stderr


def test_it_has_its_grace_and_before_a_crash_nothing_happens() -> None:
    codes: list[int] = []
    app = SimpleNamespace(crashed=False)
    watching = end_after_crash(app, grace=0.3, end=codes.append)
    watching.join(2 * LOOK_EVERY)
    assert watching.is_alive()
    app.crashed = True
    crashed_at = time.monotonic()
    watching.join(30)
    assert codes == [1]
    assert time.monotonic() - crashed_at >= 0.3
