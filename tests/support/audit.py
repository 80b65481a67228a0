"""What pip-audit found, without its silence: it says "none found" also where it could not look.

    python -m tests.support.audit out/audit.json

Exits 1 for a known vulnerability, and where nothing could be looked up if PENCHANT_AUDIT=require.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import orjson


def verdict(report: dict[str, Any], *, insist: bool) -> tuple[int, list[str]]:
    """Exit code, and what to say.

    Parameters
    ----------
    report
        As pip-audit writes it with ``--format json``.
    insist
        Whether packages that could not be looked up are a failure.

    Examples
    --------
    >>> verdict({"dependencies": [{"name": "six", "skip_reason": "not found"}]}, insist=False)
    (0, ['NOT audited: the vulnerability database could not be asked about any of 1 packages'])
    """
    packages = report["dependencies"]
    skipped = sorted(one["name"] for one in packages if "skip_reason" in one)
    known = [
        f"{one['name']} {one['version']}: {found['id']}, mended in "
        f"{', '.join(found['fix_versions']) or 'no version yet'}"
        for one in packages
        for found in one.get("vulns", [])
    ]
    asked = len(packages) - len(skipped)
    if not asked:
        about = f"about any of {len(packages)} packages"
        return int(insist), [f"NOT audited: the vulnerability database could not be asked {about}"]
    said = [*known, f"{asked} packages audited, {len(known)} known vulnerabilities"]
    if skipped:
        said.append(f"NOT audited: {', '.join(skipped)}")
    return int(bool(known) or (insist and bool(skipped))), said


def main() -> None:
    """Say it and exit."""
    report = orjson.loads(Path(sys.argv[1]).read_bytes())
    code, said = verdict(report, insist=os.environ.get("PENCHANT_AUDIT") == "require")
    sys.stdout.write("".join(f"{line}\n" for line in said))
    sys.exit(code)


if __name__ == "__main__":
    main()
