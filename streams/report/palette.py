"""Colours that the colour-blind can tell apart (Okabe and Ito), good and bad by polarity."""

from __future__ import annotations

BLUE, SKY, GREEN, ORANGE, VERMILLION, PURPLE, GREY = (
    "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#8A8F98",
)  # fmt: skip
LINES = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, "#B8A000", GREY)


def bucket_colours(propensity: str) -> dict[str, str]:
    """The colour of each bucket: a high score is bad news for churn and good news otherwise.

    Examples
    --------
    >>> bucket_colours("churn")["high"] == VERMILLION, bucket_colours("conversion")["high"] == GREEN
    (True, True)
    """
    good, bad = ("low", "high") if propensity == "churn" else ("high", "low")
    return {good: GREEN, "medium": ORANGE, bad: VERMILLION}
