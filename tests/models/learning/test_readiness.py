"""Every code says what there is, what is needed and what to change."""

from __future__ import annotations

import numpy as np
import pytest

from models.config.durations import DAY
from models.learning.readiness import CODES, readiness_of
from models.quality.tally import Labels, Tally

WEEK = 7 * DAY


def judged(p: float, rate: float, spread: float = 0.0, number: int = 2_000) -> Tally:
    tally = Tally()
    labels = (np.arange(number) % 100 < rate * 100).astype(int)
    tally.add_many(Labels.of(np.clip(p + spread * (labels - 0.5), 0.01, 0.99), labels))
    return tally


@pytest.mark.parametrize(
    ("have", "status", "reason"),
    [
        ((None, 0, 0, Tally()), "collecting", "no_labels"),
        ((WEEK - 1, 9_000, 900, Tally()), "collecting", "window_not_matured"),
        ((WEEK, 499, 100, Tally()), "warming", "too_few_labels"),
        ((WEEK, 5_000, 0, Tally()), "warming", "no_outcome"),
        ((WEEK, 5_000, 5_000, Tally()), "warming", "outcome_always"),
        ((WEEK, 5_000, 49, Tally()), "warming", "too_few_of_rarer_class"),
        ((WEEK, 5_000, 4_951, Tally()), "warming", "too_few_of_rarer_class"),
        ((WEEK, 5_000, 500, Tally()), "ready", ""),
        ((WEEK, 5_000, 500, judged(0.26, 0.2, 0.2)), "ready", ""),
        ((WEEK, 5_000, 500, judged(0.2, 0.2)), "degraded", "auc_too_low"),
        ((WEEK, 5_000, 500, judged(0.4, 0.2, 0.2)), "degraded", "not_calibrated"),
        ((WEEK, 5_000, 500, judged(0.4, 0.2, 0.2, number=400)), "ready", ""),
    ],
)
def test_status_and_reason(
    have: tuple[int | None, int, int, Tally], status: str, reason: str
) -> None:
    matured, labels, positives, said = have
    found = readiness_of(matured, WEEK, labels, positives, said)
    assert (found.status, found.reason) == (status, reason)
    assert "{" not in found.text


def test_every_code_can_be_told_with_numbers() -> None:
    for code, advice in CODES.items():
        assert advice.text.format(have=1.5, need=2.5), code
        assert advice.change
