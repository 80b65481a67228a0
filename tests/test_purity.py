"""The core is pure: it can be imported where there is no Kafka, and it never looks around."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

FORBIDDEN = ("faust", "mode", "aiokafka", "kafka", "prometheus_client", "streams")
MODELS = Path(__file__).parents[1] / "models"

IMPORT_ALL = """
import pkgutil, sys, models
for found in pkgutil.walk_packages(models.__path__, "models."):
    __import__(found.name)
bad = [name for name in %r if name in sys.modules]
assert not bad, bad
print(len([name for name in sys.modules if name.startswith("models.")]))
"""


def test_a_fresh_interpreter_imports_the_core_without_any_wiring() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL % (FORBIDDEN,)],
        capture_output=True, text=True, check=False, cwd=MODELS.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30


def test_the_core_asks_neither_clock_nor_environment_nor_chance() -> None:
    asked = {"time", "random", "os", "socket", "secrets", "uuid", "asyncio", "threading", "logging"}
    for path in MODELS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import)
                else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            )  # fmt: skip
            found = {name.partition(".")[0] for name in names} & (asked | set(FORBIDDEN))
            assert not found, f"{path} imports {found}"
            if isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today"):
                owner = node.value
                assert not (isinstance(owner, ast.Name) and owner.id in ("datetime", "date")), path
