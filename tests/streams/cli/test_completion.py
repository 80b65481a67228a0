"""The shell completes commands and their options, and loads no command to do so."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from streams.cli import COMMANDS

#: Runs the program as a shell does that asks for completions, then says what was loaded.
ASK = """
import atexit, sys
atexit.register(lambda: print("loaded" if "faust" in sys.modules else "quick", file=sys.stderr))
sys.argv[0] = "penchant"
from streams.cli import main
main(prog_name="penchant")
"""


def completed(typed: str, shell: str = "bash") -> tuple[list[str], str]:
    """What a shell offers for the last word typed, and whether commands were loaded for it."""
    words = typed.split(" ")
    ran = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, check=True,
        env=os.environ | {
            "_PENCHANT_COMPLETE": f"{shell}_complete", "COMP_WORDS": typed,
            "COMP_CWORD": str(len(words) - 1),
        },
    )  # fmt: skip
    offered = [line.partition(",")[2] for line in ran.stdout.splitlines() if "," in line]
    return offered, ran.stderr.strip()


def test_every_command_is_offered_and_none_is_loaded() -> None:
    offered, loaded = completed("penchant ")
    assert offered == list(COMMANDS)
    assert loaded == "quick"


def test_commands_are_offered_by_their_beginning() -> None:
    assert completed("penchant d") == (["dlq", "doctor", "demo"], "quick")


def test_options_of_a_command_are_offered() -> None:
    offered, _ = completed("penchant doctor --w")
    assert offered == ["--wait"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(shell: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, check=True,
        env=os.environ | {"_PENCHANT_COMPLETE": f"{shell}_source"},
    )  # fmt: skip
    assert "_PENCHANT_COMPLETE" in ran.stdout
