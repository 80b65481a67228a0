"""A worker that is to end ends, whatever it then hangs on.

Its services are stopped one after the other, and one that waits for a broker that is gone, or for
another that has crashed, keeps the process: its supervisor would wait for it, and start no other.
What was not committed counts for nothing, so there is nothing to wait for.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Protocol

logger = logging.getLogger("penchant")

#: Seconds that a crashed worker has to end by itself, and one that was told to stop: time for what
#: is under way, and less than supervisors give it (deploy/ has 60).
CRASH_GRACE, STOP_GRACE = 15.0, 45.0
#: Seconds between two looks.
LOOK_EVERY = 0.5


class Ending(Protocol):
    """What can be told to stop, and can crash."""

    @property
    def should_stop(self) -> bool:
        """Whether it has been told to, or has crashed."""

    @property
    def crashed(self) -> bool:
        """Whether it has."""


def end_in_time(
    app: Ending,
    grace: tuple[float, float] = (CRASH_GRACE, STOP_GRACE),
    end: Callable[[int], object] = os._exit,
) -> threading.Thread:
    """Watch an app from a thread of its own, and end the process when it should end and hangs.

    Parameters
    ----------
    app
        The app.
    grace
        Seconds that it has to end by itself, once crashed and once told to stop.
    end
        Ends the process with an exit code, without asking anybody.
    """

    def watch() -> None:
        while not app.should_stop:
            time.sleep(LOOK_EVERY)
        began, (after_crash, after_stop) = time.monotonic(), grace
        while time.monotonic() - began < (after_crash if app.crashed else after_stop):
            time.sleep(min(LOOK_EVERY, *grace))
        what = "crashed" if app.crashed else "was told to stop"
        logger.error("the worker has not ended by itself since it %s: made to", what)
        logging.shutdown()
        end(1)

    watching = threading.Thread(target=watch, name="end-in-time", daemon=True)
    watching.start()
    return watching
