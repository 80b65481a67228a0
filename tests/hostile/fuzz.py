"""Coverage-guided fuzzing with Atheris: bytes into record parsing and into the configuration.

python -m tests.hostile.fuzz records|config FOLDER [options of libFuzzer]

Not a test: ``make fuzz`` installs Atheris and runs it for a while. What it finds becomes a test.
"""

from __future__ import annotations

import importlib
import itertools
import sys
from pathlib import Path
from typing import Any

#: Installed by ``make fuzz`` alone.
atheris: Any = importlib.import_module("atheris")

with atheris.instrument_imports(include=["models", "yaml", "msgspec"]):
    from models.config.loader import load_config
    from models.engine import Engine
    from models.errors import ConfigError
    from models.goals.compiled import Compiled
    from models.goals.tickets import TicketBook
    from models.partition import NOT_PROFILES, Partition
    from models.profiles.codec import pack, unpack
    from models.step import PlainRecord
    from tests.hostile.records import TAKEN, hostile_records
    from tests.hostile.test_config import HOSTILE

OUTCOMES = ("applied", "refused", "duplicates", "replayed", "erased", "excluded")
#: Records after which a partition is begun anew, so that none grows for hours.
LIFE = 2_000
SEEDS = 3_000
ROOT = Path(__file__).parents[2]

QUESTIONS = """\
named:
  big: {where: {field: properties.amount, at_least: 50}}
  odd: {where: {field: type, matches: "(x+x+)+y"}}
events: {value: properties.amount, exclude: {field: properties.test, equals: true}}
attributes: {plan: properties.plan, age: properties.age, b: "properties.items.b"}
goals:
  churn:
    propensity: churn
    eligible: {where: {field: type, equals: basket}, in_last: 3d}
    outcome: {will_not: {where: {field: type, equals: basket}}, within: 1d}
    tickets: {every: 12h}
  any:
    propensity: conversion
    outcome: {will: {event: big}, within: 2d}
    tickets: {every: 6h}
"""


class Records:
    """One record at a time into an engine."""

    def __init__(self) -> None:
        self.engine = Engine(load_config(QUESTIONS, "goals.yaml"))
        self.numbers = itertools.count()
        self.partition = self._begin()

    def _begin(self) -> Partition:
        return self.engine.open(0, {}, TicketBook())

    def try_one(self, data: bytes) -> None:
        """A byte that chooses, the key up to a zero byte, and the value."""
        number = next(self.numbers)
        if number % LIFE == 0:
            self.partition = self._begin()
        choice, rest = (data[0], data[1:]) if data else (0, b"")
        key, found, value = rest.partition(b"\x00")
        taken = TAKEN if choice & 1 else None
        record = PlainRecord(key, value if found else None, number, taken)
        step = self.engine.step(self.partition, [record])
        if sum(step.counts[outcome] for outcome in OUTCOMES) != 1:
            raise AssertionError(f"a record came to {dict(step.counts)}")
        for row, packed in step.profiles:
            if row not in NOT_PROFILES and packed is not None and pack(unpack(packed)) != packed:
                raise AssertionError("a state that is not what it was when it is read again")
        self.partition.apply(step)


def try_config(data: bytes) -> None:
    """A configuration, or an error that says what is wrong with it."""
    text = data.decode(errors="replace")
    try:
        config = load_config(text, "goals.yaml")
    except ConfigError as error:
        if not 0 < len(str(error)) < 2_000:
            raise AssertionError("no message, or an endless one") from None
        return
    Engine(config)
    Compiled(config)


def seed(target: str, folder: Path) -> None:
    """What to begin with: our hostile records, our own configurations."""
    folder.mkdir(parents=True, exist_ok=True)
    if target == "records":
        for number, record in enumerate(itertools.islice(hostile_records(1), SEEDS)):
            value = b"" if record.value is None else b"\x00" + record.value[:4_000]
            data = bytes((record.timestamp is not None,)) + (record.key or b"")[:1_100] + value
            (folder / f"seed{number}").write_bytes(data)
        return
    texts = [QUESTIONS, *(text for text in HOSTILE.values() if len(text) < 4_000)]
    texts += [path.read_text() for path in sorted((ROOT / "examples").rglob("*.yaml"))]
    for number, text in enumerate(texts):
        (folder / f"seed{number}").write_text(text)


def main() -> None:
    """Fuzz."""
    target, folder, *options = sys.argv[1:]
    seed(target, Path(folder))
    tries: Any = Records().try_one if target == "records" else try_config
    atheris.Setup([sys.argv[0], folder, *options], tries)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
