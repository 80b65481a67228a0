"""Goals as the user writes them: what may happen, to whom, within how long."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from models.config.base import Part
from models.config.conditions import Condition, Name
from models.config.durations import MINUTE, PositiveDuration

#: Bits in which a ticket's progress has to fit, so that it stays one number of a packed state.
PROGRESS_BITS = 64
#: Tickets of a profile and goal that may be open at a time.
MOST_OPEN = 100


def _one_of(value: Any, names: tuple[str, ...], what: str) -> Any:
    if not isinstance(value, dict):
        raise PydanticCustomError("choice", "{what}", {"what": what})
    given = [name for name in names if name in value]
    if len(given) != 1 or value[given[0]] is None:
        raise PydanticCustomError("choice", "{what}", {"what": what})
    return value


class Happening(Part):
    """Events that have to happen inside the window, or a combination of such.

    Examples
    --------
    >>> basket = {"field": "type", "equals": "basket"}
    >>> Happening.model_validate({"where": basket, "times": 3}).bits
    2
    """

    where: Condition | None = Field(None, description="An event that meets this condition")
    event: Name | None = Field(None, description="An event of your own, from `named`")
    times: Annotated[StrictInt, Field(ge=1, le=65_535)] = Field(
        1, description="How many such events it takes"
    )
    all_of: Annotated[list[Happening], Field(min_length=1, max_length=16)] | None = Field(
        None, description="Every one of these, each met by its own events"
    )
    any_of: Annotated[list[Happening], Field(min_length=1, max_length=16)] | None = Field(
        None, description="At least one of these"
    )

    @model_validator(mode="before")
    @classmethod
    def _one_form(cls, value: Any) -> Any:
        value = _one_of(
            value, ("where", "event", "all_of", "any_of"),
            "exactly one of where, event, all_of, any_of",
        )  # fmt: skip
        if "times" in value and not ("where" in value or "event" in value):
            raise PydanticCustomError("times", "times beside where or event")
        return value

    @property
    def parts(self) -> list[Happening]:
        """The parts of a combination; empty for a single one."""
        return self.all_of or self.any_of or []

    @property
    def bits(self) -> int:
        """Bits that counting towards this takes."""
        return sum(part.bits for part in self.parts) or self.times.bit_length()


class Outcome(Part):
    """What will, or will not, happen within the window."""

    will: Happening | None = Field(None, description="The outcome is that this happens")
    will_not: Happening | None = Field(None, description="The outcome is that this does not happen")
    within: PositiveDuration = Field(description="The window: how long after now, such as 7d")

    @model_validator(mode="before")
    @classmethod
    def _one_form(cls, value: Any) -> Any:
        return _one_of(value, ("will", "will_not"), "exactly one of will, will_not, and within")

    @model_validator(mode="after")
    def _bounds(self) -> Outcome:
        if self.within < MINUTE:
            raise PydanticCustomError("window", "a window of at least a minute")
        if self.happening.bits > PROGRESS_BITS:
            raise PydanticCustomError("progress", "fewer parts, or smaller times")
        return self

    @property
    def happening(self) -> Happening:
        """What is waited for, whichever answer counts as the outcome."""
        happening = self.will or self.will_not
        if happening is None:  # the validator has seen to it
            raise AssertionError
        return happening


class Eligibility(Part):
    """Who is scored: profiles whose own events say so.

    Examples
    --------
    >>> basket = {"field": "type", "equals": "basket"}
    >>> Eligibility.model_validate({"where": basket, "in_last": "60d"}).in_last
    5184000000
    """

    where: Condition | None = Field(None, description="Has had an event that meets this condition")
    event: Name | None = Field(None, description="Has had this event of your own, from `named`")
    in_last: PositiveDuration | None = Field(
        None, description="At most this long ago; without it, ever"
    )
    all_of: Annotated[list[Eligibility], Field(min_length=1, max_length=16)] | None = Field(
        None, description="Every one of these"
    )
    any_of: Annotated[list[Eligibility], Field(min_length=1, max_length=16)] | None = Field(
        None, description="At least one of these"
    )
    not_: Eligibility | None = Field(None, alias="not", description="Not this")

    @model_validator(mode="before")
    @classmethod
    def _one_form(cls, value: Any) -> Any:
        forms = ("where", "event", "all_of", "any_of", "not")
        value = _one_of(value, forms, "exactly one of " + ", ".join(forms))
        if "in_last" in value and not ("where" in value or "event" in value):
            raise PydanticCustomError("in_last", "in_last beside where or event")
        return value

    @property
    def parts(self) -> list[Eligibility]:
        """The parts of a combination; empty for a single one."""
        return self.all_of or self.any_of or ([self.not_] if self.not_ else [])


class Tickets(Part):
    """How often a profile's present is kept to learn from once its future is known."""

    every: PositiveDuration | None = Field(
        None, description="One ticket a profile in every period this long; a quarter of the window"
    )
    at: Condition | None = Field(
        None,
        description="Instead: a ticket at every event that meets this condition, such as the "
        "receipt of a campaign; the event itself is part of its features",
    )
    share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = Field(
        1.0, description="The share of the profiles that open tickets, chosen by a hash"
    )

    @model_validator(mode="after")
    def _bounds(self) -> Tickets:
        if self.every is not None and self.every < MINUTE:
            raise PydanticCustomError("every", "a period of at least a minute")
        if self.every is not None and self.at is not None:
            raise PydanticCustomError("at", "either every or at")
        return self


class Goal(Part):
    """A question: will these conditions occur within the window, for eligible profiles."""

    title: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="What people call it; the goal's name if left out"
    )
    propensity: Literal["churn", "conversion"] = Field(
        description="Whether a high score is bad news (churn) or good news (conversion)"
    )
    eligible: Eligibility | None = Field(
        None, description="Who is scored; every known profile if left out"
    )
    outcome: Outcome = Field(description="What the goal is about")
    tickets: Tickets = Field(Tickets(), description="How often a profile is sampled to learn from")
    model: Literal["bayesian", "ftrl"] = Field(
        "bayesian", description="The learner: Bayesian logistic regression, or FTRL-Proximal"
    )
    emit_from: Literal["collecting", "warming", "ready"] = Field(
        "warming", description="The first status in which scores are sent"
    )

    @model_validator(mode="after")
    def _bounds(self) -> Goal:
        if self.tickets.at is None and self.outcome.within > MOST_OPEN * self.every:
            raise PydanticCustomError(
                "tickets",
                "at most {most} tickets open at a time: tickets.every of at least within / {most}",
                {"most": MOST_OPEN},
            )
        return self

    @property
    def every(self) -> int:
        """The sampling period in milliseconds."""
        return self.tickets.every or max(self.outcome.within // 4, MINUTE)
