"""The page that `penchant backtest` writes, as a headless Chromium shows it.

``python -m benchmarks.pictures.report``: the demo's year and its goals, the top of the page. The
Debian package ``chromium`` has the browser; without it the picture is left as it is.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import which

import orjson
from PIL import Image

import streams.demo
from benchmarks.pictures.run import OUT
from streams.demo.journey import read_journey
from streams.processes import penchant

WIDTH, HEIGHT = 1200, 1500
GOALS = Path(streams.demo.__file__).parent / "goals.yaml"


def main() -> int:
    browser = which("chromium")
    if browser is None:
        sys.stderr.write("chromium is not installed: docs/pictures/report.png is left as it is\n")
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        events = folder / "events.jsonl"
        with events.open("wb") as file:
            file.writelines(orjson.dumps(one) + b"\n" for one in read_journey())
        out = ["--out", str(folder / "out")]
        subprocess.run(penchant("backtest", str(GOALS), str(events), *out), check=True)
        shown = folder / "shown.png"
        subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             f"--user-data-dir={folder / 'browser'}", f"--window-size={WIDTH},{HEIGHT}",
             "--virtual-time-budget=10000", f"--screenshot={shown}",
             (folder / "out" / "report.html").as_uri()],
            check=True, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        Image.open(shown).convert("RGB").quantize(96).save(OUT / "report.png", optimize=True)
    sys.stdout.write("written: docs/pictures/report.png\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
