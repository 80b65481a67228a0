"""Machine instructions that an event takes the engine, which no other load of the machine changes.

``python -m benchmarks.instructions [PROFILES]``: events of so many profiles, 200,000 if not said,
in steps of 2,500, two goals scored with five reasons each, under Valgrind's callgrind (Debian's
package ``valgrind``). What 10,000 events take beyond 5,000 is what an event takes; transport is
not in it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.throughput.load import CONFIG, events, snapshots
from models.config.loader import load_config
from models.engine import Engine
from models.goals.tickets import TicketBook
from models.learning.snapshot import read_snapshot
from models.step import PlainRecord
from streams.collector import calm_collector

FEW, MANY, STEP = 5_000, 10_000, 2_500
MODULE = "benchmarks.instructions"


def work(models: Path, profiles: int, number: int) -> None:
    """What is counted: so many of the same events."""
    engine = Engine(load_config(CONFIG, "benchmark"))
    for model in models.read_bytes().splitlines():
        engine.adopt(read_snapshot(model))
    partition = engine.open(0, {}, TicketBook())
    log = [PlainRecord(*event, offset) for offset, event in enumerate(events(MANY, profiles))]
    calm_collector()
    for at in range(0, number, STEP):
        partition.apply(engine.step(partition, log[at : at + STEP]))


def counted(models: Path, profiles: int, number: int) -> int:
    """Instructions of a whole process that works on so many events."""
    callgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command = [sys.executable, "-m", MODULE, str(models), str(profiles), str(number)]
    # Hashes of texts decide how dictionaries collide; threads of BLAS spin.
    fixed = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
    said = subprocess.run(
        [*callgrind, *command], env=os.environ | fixed, check=True, capture_output=True, text=True
    ).stderr
    found = re.search(r"Collected : (\d+)", said)
    if found is None:
        raise SystemExit(said)
    return int(found[1])


def main() -> None:
    """Count what an event takes."""
    profiles = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with TemporaryDirectory() as folder:
        models = Path(folder) / "models.jsonl"
        models.write_bytes(b"\n".join(model for _, model in snapshots()))
        few, many = (counted(models, profiles, number) for number in (FEW, MANY))
    print(f"{profiles:,} profiles: {(many - few) // (MANY - FEW):,} instructions an event")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        work(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
