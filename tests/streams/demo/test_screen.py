"""The demo's progress says what has been done since it began."""

from __future__ import annotations

import time
from io import StringIO

from rich.console import Console

from streams.cli.demo import Progress
from streams.demo.follow import Seen
from streams.demo.screen import Screen, reasons


def test_the_first_line_of_a_log_has_a_rate() -> None:
    screen = Screen({"churn": "Churn"}, 100, Console(file=StringIO()))
    seen = Seen(metrics={'penchant_events_total{result="applied"}': 50.0})
    assert screen.rate(seen) > 0.0
    assert " 0/s" not in screen.line(seen)


def test_events_that_were_all_done_between_two_looks_took_the_time_between_them() -> None:
    progress = Progress(Screen({}, 100, Console(file=StringIO())))
    assert not progress.finished(Seen())
    time.sleep(0.02)
    seen = Seen(metrics={'penchant_events_total{result="applied"}': 100.0})
    progress.finished(seen)
    taken = progress.seconds
    assert taken >= 0.02
    time.sleep(0.02)
    progress.finished(seen)
    assert progress.seconds == taken


def test_a_score_of_a_model_too_young_for_reasons_says_so() -> None:
    told = {"contribution": 0.5, "text": "Known for 9 days"}
    assert reasons({"factors": [told]}) == "raises: Known for 9 days"
    assert reasons({"factors": []}) == "no factor stands out yet"
