"""How far a goal is: what it has, what it needs, in a code, and what to do about it.

The same codes say why a goal is not ready wherever that is told: in snapshots and insights, in
reports, and by ``penchant check`` before a goal goes live.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from models.config.durations import DAY
from models.learning.snapshot import Status
from models.quality.tally import Tally

LEAST_LABELS = 500
LEAST_OF_RARER = 50
LEAST_AUC = 0.65
CALIBRATED = (0.8, 1.25)


class Advice(NamedTuple):
    """What a code means.

    Parameters
    ----------
    kind
        Whether the goal cannot do without, or somebody should look.
    text
        What is the matter; ``{have}`` and ``{need}`` stand for numbers.
    change
        What to change.
    """

    kind: Literal["blocks", "look"]
    text: str
    change: str


#: Everything that can keep a goal from being ready, or should be looked at.
CODES: dict[str, Advice] = {
    "no_events": Advice(
        "blocks", "no event is left after `events.exclude`", "exclude less, or send events"
    ),
    "no_eligible_profile": Advice(
        "blocks", "no profile is eligible", "widen `eligible`: another condition, a longer in_last"
    ),
    "no_ticket": Advice(
        "blocks", "no event meets `tickets.at`: no ticket was opened", "look at its condition"
    ),
    "no_labels": Advice(
        "blocks",
        "no ticket whose window has closed: none was opened, or all are still open",
        "wait, shorten `outcome.within`, or see what `penchant check` says of the events",
    ),
    "window_not_matured": Advice(
        "blocks",
        "tickets reach over {have:,.1f} days, a whole window is {need:,.1f}",
        "wait, or shorten `outcome.within`",
    ),
    "history_too_short": Advice(
        "look",
        "{have:,.0f} days of history, {need:,.0f} are advised: the longest look-back, at least "
        "30 days, and a window",
        "more history, or a shorter window",
    ),
    "too_few_labels": Advice(
        "blocks", "{have:,.0f} labels of {need:,.0f}", "wait, or `tickets.every` shorter"
    ),
    "no_outcome": Advice(
        "blocks",
        "the outcome never occurred in {need:,.0f} labels",
        "look at the conditions of `outcome`, or lengthen `within`",
    ),
    "outcome_always": Advice(
        "blocks",
        "the outcome always occurred in {need:,.0f} labels: there is nothing to tell apart",
        "a stricter outcome, a shorter `within`, or more profiles in `eligible`",
    ),
    "too_few_of_rarer_class": Advice(
        "blocks",
        "{have:,.0f} labels of the rarer outcome, {need:,.0f} are needed",
        "wait, lengthen or shorten `within`, or relax the outcome",
    ),
    "auc_too_low": Advice(
        "look",
        "AUC over the last window is {have:.3f}, {need:.2f} is the least",
        "send more kinds of events and attributes, or ask an easier question",
    ),
    "not_calibrated": Advice(
        "look",
        "over the last window {have:.2f} times as many outcomes were expected as came; {need:.2f} "
        "is the limit",
        "look for what changed: a campaign, missing data; it is learned within a window or two",
    ),
    "no_recent_data": Advice(
        "look", "the latest event is {have:,.0f} days old", "look whether the source still delivers"
    ),
    "in_the_future": Advice(
        "look",
        "the latest event is {have:,.0f} days later than now",
        "look at the clocks of their source, and at the unit of numbers that are times",
    ),
    "no_value": Advice(
        "look",
        "no event carries a number there: sums and amounts say nothing",
        "look at the path; a text is no number",
    ),
    "time_out_of_line": Advice(
        "look",
        "{have:,.0f} events are far later than all others and were refused",
        "look at the clocks of their source",
    ),
    "out_of_order": Advice(
        "look",
        "{have:.0%} of the events are earlier than one before them",
        "live, events later than `time.allowed_lateness` count late: send them in order of time",
    ),
    "shared_ids": Advice(
        "look",
        "{have:,.0f} profiles have more than {need:,.0f} events each: ids shared by many people, "
        "or machines",
        "look at the ids with the most events; leave them out with `events.exclude`",
    ),
    "leakage": Advice(
        "look",
        "a single feature tells the outcome almost perfectly (AUC {have:.3f})",
        "look whether it is recorded because of the outcome; if so, exclude it",
    ),
}


class Readiness(NamedTuple):
    """The status of a goal and why.

    Parameters
    ----------
    status
        In a word.
    reason
        A code of :data:`CODES`, empty when ready.
    have, need
        What the reason is about; times in days.
    """

    status: Status
    reason: str
    have: float
    need: float

    @property
    def text(self) -> str:
        """The reason in words."""
        return told(self.reason, self.have, self.need)


def told(code: str, have: float, need: float) -> str:
    """A code in words; empty for none.

    Examples
    --------
    >>> told("too_few_labels", 120, 500)
    '120 labels of 500'
    """
    return CODES[code].text.format(have=have, need=need) if code in CODES else code


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
        return Readiness("collecting", "window_not_matured", matured / DAY, window / DAY)
    if labels < LEAST_LABELS:
        return Readiness("warming", "too_few_labels", labels, LEAST_LABELS)
    rarer = min(positives, labels - positives)
    if not rarer:
        return Readiness("warming", "outcome_always" if positives else "no_outcome", 0, labels)
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
