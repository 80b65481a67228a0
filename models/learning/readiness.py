"""How far a goal is: what it has, what it needs, and in a word."""

from __future__ import annotations

from typing import NamedTuple

from models.learning.snapshot import Status
from models.quality.tally import Tally

LEAST_LABELS = 500
LEAST_OF_RARER = 50
LEAST_AUC = 0.65
CALIBRATED = (0.8, 1.25)


class Readiness(NamedTuple):
    """The status of a goal and why.

    Parameters
    ----------
    status
        In a word.
    reason
        A code, empty when ready.
    have, need
        What the reason is about.
    """

    status: Status
    reason: str
    have: float
    need: float


def readiness_of(
    matured: int | None, window: int, labels: int, positives: int, said: Tally
) -> Readiness:
    """The readiness of a goal.

    Parameters
    ----------
    matured
        Milliseconds between T0 of the first and of the latest labelled ticket; None for none.
    window
        The goal's window, milliseconds.
    labels, positives
        How many labels have been learned, and how many of them were positive.
    said
        The labels whose tickets carry a probability, lately.

    Examples
    --------
    >>> readiness_of(None, 1000, 0, 0, Tally())
    Readiness(status='collecting', reason='no_labels', have=0, need=1)
    """
    if matured is None:
        return Readiness("collecting", "no_labels", 0, 1)
    if matured < window:
        return Readiness("collecting", "window_not_matured", matured, window)
    if labels < LEAST_LABELS:
        return Readiness("warming", "too_few_labels", labels, LEAST_LABELS)
    rarer = min(positives, labels - positives)
    if rarer < LEAST_OF_RARER:
        return Readiness("warming", "too_few_of_rarer_class", rarer, LEAST_OF_RARER)
    return _quality_of(said)


def _quality_of(said: Tally) -> Readiness:
    """Ready, unless there are enough labels to say that the probabilities are not good."""
    auc, ratio = said.auc, said.calibration_ratio
    if said.labels < LEAST_LABELS or said.rarer < LEAST_OF_RARER or auc is None or ratio is None:
        return Readiness("ready", "", 0, 0)
    if auc < LEAST_AUC:
        return Readiness("degraded", "auc_too_low", auc, LEAST_AUC)
    if not CALIBRATED[0] <= ratio <= CALIBRATED[1]:
        return Readiness("degraded", "not_calibrated", ratio, CALIBRATED[ratio > 1])
    return Readiness("ready", "", 0, 0)
