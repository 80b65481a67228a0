"""A worker in order that can be told to die at the worst moment.

python -m tests.support.halfway CONFIG
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any
from unittest import mock

from faust.types import TP

from streams.checkpoint import Ordered, Stage
from streams.cli import main

#: What it is told, and how many stages of a run with scores it writes before it dies: what was
#: said is there, tickets are or are not, the profiles know nothing of it.
STAGES = {signal.SIGHUP: 1, signal.SIGALRM: 2}


class Halfway(Ordered):
    """Writes a part of a run, and dies as if by SIGKILL."""

    told = 0

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        for number in STAGES:
            signal.signal(number, self._tell)

    def _tell(self, number: int, _frame: object) -> None:
        self.told = STAGES[signal.Signals(number)]

    async def commit(self, source: TP, offset: int | None, stages: Sequence[Stage]) -> None:
        """Each stage, or the first ones only, and no word to anybody."""
        said = any(one.records for one in stages[0] if one.topic.endswith("scores"))
        if self.told and said:
            await super().commit(source, offset, stages[: self.told])
            os.kill(os.getpid(), signal.SIGKILL)
        await super().commit(source, offset, stages)


if __name__ == "__main__":
    with mock.patch("streams.app.Ordered", Halfway):
        main(["worker", *sys.argv[1:]])
