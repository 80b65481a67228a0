"""How much is worked on in one step: as much as a moment has room for.

A profile is scored once in a step, however many of its events are in it, so larger steps cost less
an event; but the worker's other partitions wait for as long as one takes.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

from streams.lanes import Portions

#: Records that are fetched and handed over at a time, and that a step may always have.
RUN = 2_500
#: Seconds that a step may take, where it has more.
STEP = 0.1
#: Records that the steps of all partitions together may have, where one has more: about as many
#: may wait in memory.
TOGETHER = 30_000
#: Bytes of a record that counts as one; a larger one counts as several.
RECORD_BYTES = 800
#: Examples that are learned together, at most, but for a run that is larger by itself.
TOGETHER_EXAMPLES = 5_000


class Pace:
    """How many records a step may have, by how long the last one took.

    Parameters
    ----------
    most
        Never more than so many.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.least = min(RUN, most)
        self._fit = self.least

    def took(self, records: int, seconds: float) -> None:
        """Take note of a step: its records, and the seconds that it kept others waiting."""
        fit = int(records * STEP / max(seconds, 1e-6))
        self._fit = max(self.least, min(fit, self._fit * 2, self.most))

    def records(self, partitions: int) -> int:
        """Records that a step may have, where a worker has so many partitions."""
        return max(self.least, min(self._fit, TOGETHER // max(1, partitions)))

    def enough(self, partitions: int) -> int:
        """Records waiting for a step with which no more of a partition are fetched."""
        return max(2 * self.least, self.records(partitions))

    def weigh(self, run: Any) -> int:
        """Records of a run, or what its bytes stand for; an idle while goes with nothing else."""
        if isinstance(run, float):
            return self.most
        size = sum([len(record.value) for record in run.value if record.value])
        return max(len(run.value), size // RECORD_BYTES)

    def portions(self, partitions: Sized) -> Portions:
        """How much a lane takes at a time, by the partitions that a worker has then."""
        return Portions(
            self.weigh,
            lambda: self.records(len(partitions)),
            lambda: self.enough(len(partitions)),
        )


def _examples_in(run: Any) -> int:
    """Examples in a run; nothing has none, and still takes its turn."""
    return len(run.value) if run else 1


#: How much trainers take at a time.
LESSONS = Portions(_examples_in, lambda: TOGETHER_EXAMPLES, lambda: 2 * TOGETHER_EXAMPLES)
