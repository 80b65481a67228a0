"""The audit of dependencies never says that all is well where it could not look."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.audit import verdict

CLEAN = {"name": "six", "version": "1.17.0", "vulns": []}
SKIPPED = {"name": "river", "skip_reason": "Dependency not found on PyPI"}
HURT = {
    "name": "pyyaml", "version": "5.3",
    "vulns": [{"id": "PYSEC-2021-142", "fix_versions": ["5.4"], "aliases": []}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("packages", "insist", "code", "said"),
    [
        ([CLEAN], False, 0, "1 packages audited, 0 known vulnerabilities"),
        ([CLEAN, HURT], False, 1, "pyyaml 5.3: PYSEC-2021-142, mended in 5.4"),
        ([CLEAN, SKIPPED], False, 0, "NOT audited: river"),
        ([CLEAN, SKIPPED], True, 1, "NOT audited: river"),
        ([SKIPPED], False, 0, "NOT audited: the vulnerability database could not be asked"),
        ([SKIPPED], True, 1, "NOT audited: the vulnerability database could not be asked"),
    ],
)
def test_what_was_not_looked_up_is_said_and_what_is_known_fails(
    packages: list[dict[str, Any]], insist: bool, code: int, said: str
) -> None:
    found, lines = verdict({"dependencies": packages}, insist=insist)
    assert found == code
    assert said in "\n".join(lines)
