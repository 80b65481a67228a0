"""How far recovery is, from what Faust's own bookkeeping says."""

from __future__ import annotations

import time
from typing import Any


def changes_left(recovery: Any) -> float:
    """Changelog records still to read; partitions that have none count as none."""
    return float(sum(max(left, 0) for left in recovery.active_remaining().values()))


def seconds_taken(recovery: Any) -> float:
    """Seconds of the recovery under way, or of the last one; 0 before the first."""
    started, ended = recovery._recovery_started_at, recovery._recovery_ended_at
    if started is None:
        return 0.0
    until = time.monotonic() if recovery.in_recovery or ended is None else ended
    return float(max(until - started, 0.0))
