"""A worker that is told a bound of memory of its own, as a control group would be.

TIGHT_BOUND=BYTES python -m tests.support.tight CONFIG
"""

from __future__ import annotations

import os
import sys

from streams import vitals
from streams.cli import main

#: The variable that says the bound; without it the worker finds its own.
BOUND = "TIGHT_BOUND"


def run() -> None:
    """Run ``penchant worker`` with what the variable says in place of what Linux does."""
    if BOUND in os.environ:
        bound = float(os.environ[BOUND])
        vitals.memory_limit = lambda *_: bound
    main(["worker", *sys.argv[1:]])


if __name__ == "__main__":
    run()
