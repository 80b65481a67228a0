"""Running commands, in this process where they only read and write, or in their own."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from streams.cli import main
from streams.processes import free_port, penchant
from tests.support.cluster import Cluster

GOALS = """\
goals:
  churn:
    propensity: churn
    outcome: {will_not: {where: {field: type, equals: basket}}, within: 1d}
"""
#: Seconds that a command may take on a busy machine.
PATIENCE = 120


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Parameters
    ----------
    code
        Its exit code.
    out, err
        What it said.
    """

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All it said, in one line."""
        return " ".join((self.out + " " + self.err).split())


def invoke(*arguments: str, **environment: str) -> Ended:
    """Run a command in this process."""
    variables = {f"PENCHANT_{name.upper()}": value for name, value in environment.items()}
    result = CliRunner().invoke(main, list(arguments), env={"COLUMNS": "300"} | variables)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)


def execute(*arguments: str, **environment: str) -> Ended:
    """Run a command in a process of its own, without a terminal."""
    variables = {f"PENCHANT_{name.upper()}": value for name, value in environment.items()}
    done = subprocess.run(
        penchant(*arguments), capture_output=True, text=True, timeout=PATIENCE, check=False,
        env=os.environ | {"COLUMNS": "300"} | variables,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


def place_of(cluster: Cluster) -> dict[str, str]:
    """A cluster as settings of a command."""
    settings = cluster.settings
    return {
        "brokers": settings.brokers, "prefix": settings.prefix, "guarantee": settings.guarantee,
        "partitions": str(settings.partitions), "session_timeout": "6",
    }  # fmt: skip


def nowhere() -> str:
    """An address where nobody listens."""
    return f"127.0.0.1:{free_port()}"


def goals(folder: Path, text: str = GOALS) -> str:
    """A configuration in a file; its path."""
    path = folder / "goals.yaml"
    path.write_text(text)
    return str(path)
