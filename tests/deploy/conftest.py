"""Tests of deployment need tools beyond Python, Java and Maven; where one is missing, say so."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.left_out import leave_out, note

#: ``require``: a missing tool is a failure, and the long tests run. CI and `make deploy-test`.
INSIST = os.environ.get("PENCHANT_TEST_TOOLS") == "require"
ROOT = Path(__file__).parents[2]
#: Where `make tools` puts what comes from source.
OWN_TOOLS = ROOT / ".cache" / "tools"


def find_tool(name: str) -> str | None:
    """Where a tool, or a schema that is one, is; None when it is not there."""
    own = OWN_TOOLS / name
    return str(own) if own.exists() else shutil.which(name)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot run here, unless that is insisted on."""
    if INSIST:
        return
    left_out = {item: why for item in items if (why := _why_not(item)) is not None}
    if left_out:
        leave_out(config, items, list(left_out))
        reasons = "; ".join(sorted(set(left_out.values())))
        note(config, f"{len(left_out)} tests of deployment did NOT run: {reasons}")


def _why_not(item: pytest.Item) -> str | None:
    marker = item.get_closest_marker("tools")
    if marker is None:
        return None
    absent = [name for name in marker.args if find_tool(name) is None]
    if absent:
        return f"{', '.join(absent)} not found"
    return "make deploy-test runs the long ones" if marker.kwargs.get("long") else None


@pytest.fixture
def tool() -> Any:
    """Finds a tool, or fails with what is missing and where it comes from."""

    def found(name: str) -> str:
        path = find_tool(name)
        assert path is not None, (
            f"{name} is not installed: `make tools` fetches Compose's parser, KEDA's schema and "
            "OpenTelemetry's collector, the Debian package `prometheus` promtool as well, and "
            "`systemd` systemd-analyze"
        )
        return path

    return found
