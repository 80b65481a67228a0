"""Who runs the tests sees what did not run, also when several processes share them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ONE = "tests/integration/test_poison.py"


@pytest.mark.parametrize("spread", [(), ("--numprocesses", "1")], ids=["alone", "spread"])
def test_what_cannot_run_is_named_with_the_reason(spread: tuple[str, ...], tmp_path: Path) -> None:
    ours = ("PENCHANT", "PYTEST")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", ONE, *spread, "--basetemp", str(tmp_path / "inner")],
        cwd=ROOT, env=environment | {"PATH": str(tmp_path)}, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip

    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, done.stdout + done.stderr
    assert "tests on Apache Kafka did NOT run: java and mvn not found" in done.stdout
