"""A Dockerfile read as data, and its build stages run in a bare directory: no Docker needed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Instruction(NamedTuple):
    """A line of a Dockerfile, continuations joined."""

    name: str
    text: str

    @property
    def is_exec(self) -> bool:
        """Whether it is in the form that needs no shell."""
        return self.text.startswith("[")

    @property
    def words(self) -> list[str]:
        """Its arguments."""
        found: list[str] = json.loads(self.text) if self.is_exec else self.text.split()
        return found


@dataclass
class Stage:
    """A stage: what it starts from and what it does."""

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, name: str) -> list[Instruction]:
        """Its instructions of a kind."""
        return [one for one in self.instructions if one.name == name]


def read_dockerfile(path: Path) -> dict[str, Stage]:
    """The stages by name."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE)
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for line in re.sub(r"\\\n", " ", text).splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            base, _, own = rest.partition(" AS ")
            stage = stages[own] = Stage(base.strip(), own.strip())
        elif name:
            assert stage is not None, line
            stage.instructions.append(Instruction(name.upper(), rest.strip()))
    return stages


def run_stage(stage: Stage, context: Path, root: Path) -> None:
    """Do what a build stage does, with ``root`` in the place of ``/``.

    The context holds only what .dockerignore lets through, and commands see no variable of ours
    but those that lead to package indexes.
    """
    kept = ("PIP_", "UV_", "SSL_", "HTTP", "http", "NO_PROXY", "no_proxy", "REQUESTS_")
    environment = {name: value for name, value in os.environ.items() if name.startswith(kept)}
    environment |= {"PATH": f"{Path(sys.base_prefix) / 'bin'}:/usr/bin:/bin"}
    folder = root
    for instruction in stage.instructions:
        if instruction.name == "WORKDIR":
            folder = root / instruction.text.lstrip("/")
            folder.mkdir(parents=True, exist_ok=True)
        elif instruction.name == "COPY":
            *sources, target = instruction.words
            for source in sources:
                _copy(context, source, folder, target)
        elif instruction.name == "RUN":
            command = instruction.text.replace("/opt/", f"{root}/opt/")
            command = re.sub(r"^python ", "python3 ", command)
            subprocess.run(command, shell=True, check=True, cwd=folder, env=environment)  # noqa: S602


def _copy(context: Path, source: str, folder: Path, target: str) -> None:
    allowed = [
        line[1:] for line in (context / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]  # fmt: skip
    assert Path(source).parts[0] in allowed, f"{source} does not pass .dockerignore"
    place = context / source
    if place.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(place, folder / target, ignore=ignored)
        return
    is_folder = target.endswith("/")
    destination = folder / target / place.name if is_folder else folder / target
    destination.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(place, destination)
