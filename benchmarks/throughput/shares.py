"""What a worker spends its time on, from the samples of a profiler.

``py-spy record -p PID -f raw -o FILE`` samples a worker at work;
``python -m benchmarks.throughput.shares FILE`` says each part's share and draws them
(docs/pictures/shares.png). A sample belongs to the innermost frame that a part knows; one that
waits belongs to none.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.throughput.plot import PICTURES, draw_shares

#: Part -> patterns of its frames, ``function (file``. The first that fits an inner frame counts.
PARTS = {
    "fetching, decoding": r"aiokafka/consumer|streams/transport|aiokafka/record.*[Rr]ead",
    "parsing, validating": r"models/events/(parsing|times|schema|event)",
    "state: packing, unpacking": r"models/profiles/codec",
    "timers and tickets": (
        r"models/goals/(calendar|schedule|tickets|clock|examples|refresh)|"
        r"Run\.(advance|tickets|_open|_close|_delete|_expire)|Engine\._(tickets|example)"
    ),
    "score records, words": r"models/scoring/(records|phrases|readings|portrait)",
    "features, scores, factors": (
        r"models/scoring|models/profiles/features|models/learning/(transform|layout|raw)"
    ),
    "applying events": r"models/(run|profiles|events|goals|hashing|partition)",
    "bookkeeping of a run": r"models/|streams/(agents|lanes|app|metrics|dead_letters)",
    "delivery, transaction": r"streams/(checkpoint|batches)|aiokafka|kafka/",
    "Faust, event loop": r"faust/|mode/|asyncio/|streams/|threading|prometheus",
}
WAITS = re.compile(
    r"(select \(selectors|_worker \(concurrent|streams/ending|wait \(threading|_get \(queue)"
)


def shares(samples: Iterable[str]) -> dict[str, float]:
    """Each part's share of the samples that do not wait.

    Parameters
    ----------
    samples
        Lines of a raw profile: frames from the outermost on, divided by semicolons, and a number.
    """
    rules = {part: re.compile(pattern) for part, pattern in PARTS.items()}
    found: Counter[str] = Counter()
    for line in samples:
        stack, _, number = line.strip().rpartition(" ")
        part = part_of(stack.split(";"), rules)
        if part is not None:
            found[part] += int(number)
    total = found.total()
    return {part: found[part] / total for part in [*PARTS, "the rest"] if found[part]}


def part_of(frames: list[str], rules: Mapping[str, re.Pattern[str]]) -> str | None:
    """The part that a sample belongs to; None when it waits."""
    if WAITS.search(frames[-1]):
        return None
    for frame in reversed(frames):
        for part, rule in rules.items():
            if rule.search(frame):
                return part
    return "the rest"


def main() -> None:
    with Path(sys.argv[1]).open() as samples:
        found = shares(samples)
    print("| | share |\n| --- | ---: |")
    for part, share in found.items():
        print(f"| {part} | {share:.0%} |")
    draw_shares(found, PICTURES / "shares.png")


if __name__ == "__main__":
    main()
