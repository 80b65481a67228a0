"""A worker that has crashed ends, whatever it then hangs on.

Its services are stopped one after the other, and one that waits for a broker, or for another that
has crashed, keeps the process: its supervisor would wait for it, and start no other. What was not
committed counts for nothing, so there is nothing to wait for.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Protocol

logger = logging.getLogger("penchant")

#: Seconds that a crashed worker has to end by itself, and between two looks whether it crashed.
GRACE, LOOK_EVERY = 15.0, 0.5


class Crashing(Protocol):
    """What can crash."""

    @property
    def crashed(self) -> bool:
        """Whether it has."""


def end_after_crash(
    app: Crashing, grace: float = GRACE, end: Callable[[int], object] = os._exit
) -> threading.Thread:
    """Watch an app from a thread of its own, and end the process when it has crashed and hangs.

    Parameters
    ----------
    app
        The app.
    grace
        Seconds that it has to end by itself.
    end
        Ends the process with an exit code, without asking anybody.
    """

    def watch() -> None:
        while not app.crashed:
            time.sleep(LOOK_EVERY)
        time.sleep(grace)
        logger.error("the worker has not ended by itself since its crash: made to")
        logging.shutdown()
        end(1)

    watching = threading.Thread(target=watch, name="end-after-crash", daemon=True)
    watching.start()
    return watching
