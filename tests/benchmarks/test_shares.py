"""A sample of a profile counts once, for its innermost known part; one that waits for none."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from benchmarks.throughput.plot import draw_rates, draw_shares
from benchmarks.throughput.shares import shares

LOOP = "run (asyncio/runners.py:10);Lanes._run (streams/lanes.py:86)"
STEP = f"{LOOP};Engine.step (models/engine.py:100);Run.apply (models/run.py:60)"
SAMPLES = [
    f"{STEP};parse_event (models/events/parsing.py:30);loads (json/decoder.py:3) 3",
    f"{STEP};Calendar.add (models/goals/calendar.py:50) 2",
    f"{STEP} 4",
    "main (elsewhere.py:1) 1",
    f"{LOOP};EpollSelector.select (selectors.py:468) 90",
    "Thread.run (threading.py:982);_worker (concurrent/futures/thread.py:81) 40",
]


def test_a_sample_belongs_to_the_innermost_part_and_waiting_to_none() -> None:
    found = shares(SAMPLES)
    assert found == pytest.approx(
        {"parsing, validating": 0.3, "timers and tickets": 0.2, "applying events": 0.4,
         "the rest": 0.1}
    )  # fmt: skip


def test_pictures_are_drawn(tmp_path: Path) -> None:
    rates = {"Penchant, exactly once": [9.0, 7.0, 8.0], "another": [3.0, 2.0, 4.0]}
    draw_rates({"few": rates, "many": rates}, "three rounds", tmp_path / "rates.png")
    draw_shares(shares(SAMPLES), tmp_path / "shares.png")
    for name in ("rates.png", "shares.png"):
        with Image.open(tmp_path / name) as image:
            assert len(image.convert("RGB").getcolors(1 << 20) or []) > 10
