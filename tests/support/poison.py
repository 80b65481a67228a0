"""An engine and a trainer with a bug."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.engine import Engine
from models.goals.examples import Example
from models.learning.trainer import Trainer
from models.partition import Partition
from models.run import WHOLE
from models.step import Record, Step
from streams.settings import Settings
from streams.topics import topics_of

TOPICS = topics_of(Settings(_env_file=None))
#: A record that says this crashes the engine.
POISON = b"poison"


def committed(log: Sequence[Any]) -> int:
    """The next offset, by what a checkpoint of :class:`tests.support.transport.Notes` noted."""
    return max((offset for _, _, offset, _ in log if offset is not None), default=0)


def letters(log: Sequence[Any], stage: int) -> list[tuple[int, str, str]]:
    """Dead letters of a stage of every commit: source offset, reason, message."""
    return [
        (int(headers["source_offset"]), headers["reason"].decode(), headers["message"].decode())
        for _, _, _, stages in log
        for output in stages[stage]
        if output.topic == TOPICS.dlq
        for headers in map(dict, output.headers)
    ]


class BuggyEngine(Engine):
    """Raises what nobody foresaw when it has gone through a run: clock and timers have moved."""

    def step(self, partition: Partition, records: Sequence[Record], most: int = WHOLE) -> Step:
        """One step, or a crash."""
        step = super().step(partition, records, most)
        if any(POISON in (record.value or b"") for record in records):
            raise KeyError("poison")
        return step


class BuggyTrainer(Trainer):
    """Raises what nobody foresaw when it has learned of a profile whose name is poison."""

    def learn(self, examples: Sequence[Example]) -> None:
        """Learn, or crash."""
        super().learn(examples)
        if any(POISON.decode() in one.profile_id for one in examples):
            raise KeyError("poison")
