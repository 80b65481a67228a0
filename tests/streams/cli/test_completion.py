"""The shell completes commands and their options, and loads no command to do so."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from streams.cli import COMMANDS
from streams.processes import penchant

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


def installed(home: Path, shell: str) -> subprocess.CompletedProcess[str]:
    """`--install-completion` of somebody with a home of their own."""
    environment = os.environ | {"HOME": str(home), "SHELL": f"/bin/{shell}"}
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR"):
        environment.pop(name, None)
    return subprocess.run(
        penchant("--install-completion"), capture_output=True, text=True, check=False,
        env=environment,
    )  # fmt: skip


def typed_into_bash(home: Path, words: list[str]) -> list[str]:
    """What an interactive bash offers for the last word, by the start-up file of that home."""
    ask = (
        "COMP_WORDS=({words}); COMP_CWORD={last}; "
        "$(complete -p penchant | grep -o '_[a-z_]*completion') penchant; "
        'printf "%s\\n" "${{COMPREPLY[@]}}"'
    ).format(words=" ".join(map(shlex.quote, words)), last=len(words) - 1)
    ran = subprocess.run(
        ["bash", "--rcfile", str(home / ".bashrc"), "-i", "-c", ask],
        capture_output=True, text=True, check=True, cwd=home, stdin=subprocess.DEVNULL,
        env=os.environ | {"HOME": str(home),
                          "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    return ran.stdout.split()


def test_bash_completes_once_it_is_installed(tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_text("mine=1")
    ended = installed(tmp_path, "bash")
    assert ended.returncode == 0, ended.stderr
    assert typed_into_bash(tmp_path, ["penchant", "do"]) == ["doctor"]
    assert typed_into_bash(tmp_path, ["penchant", "dlq", "re"]) == ["replay"]
    assert typed_into_bash(tmp_path, ["penchant", "send", "--sp"]) == ["--speed"]


def test_installing_twice_writes_one_line_and_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_text("mine=1")
    installed(tmp_path, "bash")
    first = (tmp_path / ".bashrc").read_text()
    installed(tmp_path, "bash")
    assert (tmp_path / ".bashrc").read_text() == first
    mine, line = first.splitlines()
    assert mine == "mine=1"
    assert "completion.bash" in line


def test_fish_and_zsh_find_theirs_where_they_look(tmp_path: Path) -> None:
    assert installed(tmp_path, "fish").returncode == 0
    script = tmp_path / ".config" / "fish" / "completions" / "penchant.fish"
    assert "complete --no-files --command penchant" in script.read_text()
    assert installed(tmp_path, "zsh").returncode == 0
    assert "compinit" in (tmp_path / ".zshrc").read_text()
    assert (
        "compdef _penchant_completion penchant"
        in (tmp_path / ".local" / "share" / "penchant" / "completion.zsh").read_text()
    )


def test_a_shell_that_cannot_be_helped_is_named(tmp_path: Path) -> None:
    ended = installed(tmp_path, "dash")
    assert ended.returncode == 2
    assert "SHELL: found 'dash', expected one of bash, zsh, fish" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_files_are_offered_where_a_file_belongs() -> None:
    """The shell is told to look for files by itself: an item of kind file."""
    ran = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, check=True,
        env=os.environ | {"_PENCHANT_COMPLETE": "bash_complete", "COMP_CWORD": "2",
                          "COMP_WORDS": "penchant check go"},
    )  # fmt: skip
    assert ran.stdout == "file,go\n"
