"""Tests that cannot run here are left out, and the end of the session says which and why."""

from __future__ import annotations

from typing import Any

import pytest

NOTES = pytest.StashKey[list[str]]()
#: Under which a process of pytest-xdist hands its notes to the one that sums up.
HANDED = "left_out"


def leave_out(config: pytest.Config, items: list[pytest.Item], out: list[pytest.Item]) -> None:
    """Take tests out of a collection."""
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in out]


def note(config: pytest.Config, text: str) -> None:
    """Have a text printed where the session is summed up."""
    notes = config.stash.setdefault(NOTES, [])
    if text not in notes:
        notes.append(text)
    handed: dict[str, Any] | None = getattr(config, "workeroutput", None)
    if handed is not None:
        handed[HANDED] = notes


def notes_of(config: pytest.Config) -> list[str]:
    """What is to be printed."""
    return config.stash.get(NOTES, [])


def take_notes(config: pytest.Config, handed: dict[str, Any]) -> None:
    """Take over what a process of pytest-xdist noted."""
    for text in handed.get(HANDED, []):
        note(config, text)
