"""The demo's progress says what has been done since it began."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from streams.demo.follow import Seen
from streams.demo.screen import Screen


def test_the_first_line_of_a_log_has_a_rate() -> None:
    screen = Screen({"churn": "Churn"}, 100, Console(file=StringIO()))
    seen = Seen(metrics={'penchant_events_total{result="applied"}': 50.0})
    assert screen.rate(seen) > 0.0
    assert " 0/s" not in screen.line(seen)
