"""What the figures of a goal say, in sentences."""

from __future__ import annotations

from typing import Any

from models.learning.readiness import told
from models.scoring.phrases import elapsed

STATUS = {
    "collecting": "still collecting its first labels",
    "warming": "warming up: too few labels to trust yet",
    "ready": "ready",
    "degraded": "degraded: look at it before you use it",
}
#: A cut-off is only suggested where the gain over chance is worth it.
LEAST_GAIN = 0.05


def headline(goal: dict[str, Any]) -> str:
    """The first thing to know about a goal.

    Examples
    --------
    >>> rows = [{"gains": 0.41, "lift": 4.1, "labels": 10.0}]
    >>> headline({"deciles": rows, "title": "Redeems a coupon", "propensity": "conversion"})
    'The top tenth of profiles holds 41 % of all outcomes, 4.1 times what chance would.'
    """
    if not goal["deciles"]:
        return "No ticket has been scored and labelled yet, so there is nothing to judge."
    first = goal["deciles"][0]
    if first["lift"] < 1.05:
        return "The highest scores hold no more outcomes than chance would: do not act on them."
    return (
        f"The top tenth of profiles holds {first['gains'] * 100:.0f} % of all outcomes, "
        f"{first['lift']:.1f} times what chance would."
    )


def polarity(goal: dict[str, Any]) -> str:
    """Whether a high score is good news."""
    window = elapsed(goal["window_seconds"] / 3600)
    news = "bad news: churn" if goal["propensity"] == "churn" else "good news: conversion"
    return f"Within {window}. A high score is {news}."


def status(goal: dict[str, Any]) -> str:
    """How far the goal is, and why it is no further."""
    said = STATUS[goal["status"]]
    why = told(goal["reason"], goal["have"], goal["need"])
    return f"{said} ({why})" if why else said


def cut_off(goal: dict[str, Any]) -> tuple[int, str] | None:
    """The number of tenths to act on, where the curve of gains is farthest from chance.

    Examples
    --------
    >>> gains = (0.4, 0.65, 0.78, 0.82, 0.88, 0.92, 0.95, 0.97, 0.99, 1.0)
    >>> cut_off({"deciles": [{"gains": gain, "rate": 0.1} for gain in gains]})[0]
    3
    """
    gains = [row["gains"] for row in goal["deciles"]]
    above = [gain - (place + 1) / len(gains) for place, gain in enumerate(gains)]
    if not above or max(above) < LEAST_GAIN:
        return None
    tenths = above.index(max(above)) + 1
    return tenths, (
        f"Acting on the top {tenths * 10} % (percentile above {100 - tenths * 10}) reaches "
        f"{gains[tenths - 1] * 100:.0f} % of all outcomes; beyond, each further tenth holds fewer "
        "than chance."
    )


def calibration(goal: dict[str, Any]) -> str:
    """How far probabilities can be taken at their word."""
    ratio = goal["evaluation"]["calibration_ratio"]
    if ratio is None:
        return "There were no outcomes to compare the probabilities with."
    if 0.9 <= ratio <= 1.1:
        return f"Probabilities can be taken at their word: {ratio:.2f} expected for each that came."
    more = "more" if ratio > 1 else "fewer"
    return f"Probabilities expect {more} outcomes than came: {ratio:.2f} for each."


def number(value: float | None, digits: int = 3) -> str:
    """A figure, or a dash."""
    return "-" if value is None else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """A share, or a dash."""
    return "-" if value is None else unbroken(f"{value * 100:.{digits}f} %")


def unbroken(text: str) -> str:
    """A text whose numbers stay on the line of their per cent signs.

    Examples
    --------
    >>> unbroken("holds 41 % of them").split(" ")[1] == f"41{chr(160)}%"
    True
    """
    return text.replace(" %", "\u00a0%")
