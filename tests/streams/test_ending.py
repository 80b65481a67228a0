"""A worker that should end ends, even if something of it hangs; any other is left alone."""

from __future__ import annotations

import subprocess
import time
from types import SimpleNamespace

import pytest

from streams.ending import LOOK_EVERY, end_in_time
from streams.processes import python

HANGS = """
import logging, sys, time
from types import SimpleNamespace
from streams.ending import end_in_time
logging.basicConfig()
app = SimpleNamespace(should_stop=False, crashed=False)
end_in_time(app, grace=(0.1, 0.2))
app.crashed = sys.argv[1] == "crashed"
app.should_stop = True
time.sleep(600)
"""


@pytest.mark.parametrize("how", ["crashed", "was told to stop"])
def test_a_process_that_hangs_when_it_should_end_ends_with_an_error(how: str) -> None:
    ended = subprocess.run(
        python("-c", HANGS, how), capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert f"has not ended by itself since it {how}" in ended.stderr


@pytest.mark.parametrize(("crashed", "least"), [(True, 0.3), (False, 1.2)])
def test_it_has_its_grace_and_before_that_nothing_happens(crashed: bool, least: float) -> None:
    codes: list[int] = []
    app = SimpleNamespace(should_stop=False, crashed=False)
    watching = end_in_time(app, grace=(0.3, 1.2), end=codes.append)
    watching.join(2 * LOOK_EVERY)
    assert watching.is_alive()
    app.crashed, began = crashed, time.monotonic()
    app.should_stop = True
    watching.join(30)
    assert codes == [1]
    assert time.monotonic() - began >= least
