"""``penchant --install-completion``: the shell completes commands, options and files."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import click
from click.shell_completion import get_completion_class

from models.errors import ConfigError, Problem
from streams.cli.common import reports_errors, say

SHELLS = ("bash", "zsh", "fish")
PROGRAM = "penchant"
VARIABLE = "_PENCHANT_COMPLETE"
#: What the start-up file of a shell has to do; fish finds its scripts by itself.
SOURCE = {
    "bash": "[ -f {script} ] && . {script}",
    "zsh": "(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit }}; "
    "[ -f {script} ] && . {script}",
}


@reports_errors
def completion(ctx: click.Context, param: click.Parameter, shell: str | None) -> None:
    """Install or show the script of a shell, as the option says; then the program ends."""
    if shell is None or ctx.resilient_parsing:
        return
    shell = shell or shell_of(os.environ)
    if param.name == "show_completion":
        click.echo(script_of(ctx.command, shell))
    else:
        for path in install(ctx.command, shell, Path.home(), os.environ):
            say(f"wrote {path}")
        say("A new shell has it.")
    ctx.exit()


def shell_of(environment: Any) -> str:
    """The shell of whoever asks.

    Raises
    ------
    ConfigError
        It is none that can be helped.

    Examples
    --------
    >>> shell_of({"SHELL": "/usr/bin/zsh"})
    'zsh'
    """
    name = Path(environment.get("SHELL", "")).name
    if name not in SHELLS:
        problem = Problem("SHELL", repr(name), f"one of {', '.join(SHELLS)}, named as the value")
        raise ConfigError("--install-completion", [problem])
    return name


def script_of(command: click.Command, shell: str) -> str:
    """What a shell has to read."""
    found = get_completion_class(shell)
    assert found is not None, shell  # noqa: S101 - click has all three
    return found(command, {}, PROGRAM, VARIABLE).source()


def install(command: click.Command, shell: str, home: Path, environment: Any) -> list[Path]:
    """Write the script, and one line into the shell's start-up file unless it is there.

    Returns
    -------
    list of Path
        What was written.
    """
    script = _script_path(shell, home, environment)
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(script_of(command, shell) + "\n", encoding="utf-8")
    if shell not in SOURCE:
        return [script]
    folder = environment.get("ZDOTDIR", home) if shell == "zsh" else home
    start = Path(folder) / f".{shell}rc"
    line = SOURCE[shell].format(script=shlex.quote(str(script)))
    text = start.read_text(encoding="utf-8") if start.exists() else ""
    if line in text.splitlines():
        return [script]
    separator = "" if not text or text.endswith("\n") else "\n"
    start.write_text(f"{text}{separator}{line}\n", encoding="utf-8")
    return [script, start]


def _script_path(shell: str, home: Path, environment: Any) -> Path:
    if shell == "fish":
        folder = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
        return folder / "fish" / "completions" / f"{PROGRAM}.fish"
    folder = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    return folder / PROGRAM / f"completion.{shell}"
