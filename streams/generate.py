"""``make docs``: writes what is generated from the code; ``--check`` says what is stale."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from streams.reference.asyncapi import asyncapi
from streams.reference.commands import command_reference
from streams.reference.configuration import configuration
from streams.reference.dashboards import models, operations
from streams.reference.metrics import metrics_reference
from streams.reference.schemas import MODELS, json_schema, json_text

ROOT = Path(__file__).parents[1]
Generator = Callable[[], str]


def _schema(name: str) -> str:
    return json_text(json_schema(name))


#: Path from the root -> what belongs there.
DOCUMENTS: dict[str, Generator] = {
    **{f"docs/schemas/{name}.schema.json": partial(_schema, name) for name in MODELS},
    "docs/asyncapi.yaml": asyncapi,
    "docs/configuration.md": configuration,
    "docs/metrics.md": metrics_reference,
    "docs/commands.md": command_reference,
    "deploy/grafana/dashboards/operations.json": operations,
    "deploy/grafana/dashboards/models.json": models,
}


def stale(root: Path = ROOT) -> list[str]:
    """Paths of documents that are not what the code says."""
    return [path for path, made in DOCUMENTS.items() if _text_at(root / path) != made()]


def write(root: Path = ROOT) -> list[str]:
    """Write what is stale; returns the paths."""
    changed = stale(root)
    for path in changed:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(DOCUMENTS[path](), encoding="utf-8")
    return changed


def _text_at(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def main(arguments: list[str]) -> int:
    """The command; exit code 1 when something is stale and was to be checked only."""
    check = arguments == ["--check"]
    changed = stale() if check else write()
    for path in changed:
        sys.stdout.write(f"{'stale' if check else 'written'}: {path}\n")
    return int(check and bool(changed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
