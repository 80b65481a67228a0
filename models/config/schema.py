"""The configuration file: everything about the questions, nothing about the place."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt

from models.config.base import Part
from models.config.conditions import Condition, FieldPath, Name
from models.config.durations import DAY, HOUR, MINUTE, SECOND, Duration, PositiveDuration
from models.config.goals import Goal

Title = Annotated[str, Field(min_length=1, max_length=200)]


class EventsPart(Part):
    """How events are read."""

    value: FieldPath | None = Field(
        None, description="The number an event carries, if any; several are summed"
    )
    exclude: Condition | None = Field(
        None, description="Events to drop before anything else sees them"
    )


class NamedEvent(Part):
    """An event of the user's own, by condition."""

    title: Title | None = Field(None, description="What people call it; its name if left out")
    where: Condition = Field(description="The condition that makes an event one of these")


class TimePart(Part):
    """How event time is kept."""

    allowed_lateness: Duration = Field(
        MINUTE, description="How far the clock stays behind the latest event"
    )
    max_skew: Duration = Field(
        HOUR, description="An event further ahead of its Kafka timestamp than this is refused"
    )
    max_jump: PositiveDuration = Field(
        DAY, description="A jump ahead of more than this waits for a second profile's event"
    )
    reversible_for: Duration = Field(
        DAY, description="How long after its window a ticket can still be reversed by a late event"
    )
    idle_after: PositiveDuration = Field(
        10 * SECOND, description="Silence after which a partition's clock runs with the wall's"
    )


class ProfilesPart(Part):
    """How long profiles are kept."""

    expire_after: PositiveDuration | None = Field(
        730 * DAY,
        description="A profile is erased so long after its last event: its state and its scores. "
        "Tickets are opened as long as their windows end before that; null for never",
    )


class ScoresPart(Part):
    """What leaves."""

    max_factors: Annotated[StrictInt, Field(ge=0, le=50)] = Field(
        5, description="Reasons in a score, at most"
    )
    refresh: PositiveDuration | None = Field(
        DAY,
        description="A profile silent for this long is scored again, and whenever its silence has "
        "doubled; null for never",
    )


class LimitsPart(Part):
    """Bounds on what one record or one profile may hold; beyond them is refused or pooled."""

    record_bytes: Annotated[StrictInt, Field(ge=100, le=900_000)] = Field(
        256_000, description="A larger record is refused"
    )
    text: Annotated[StrictInt, Field(ge=16, le=65_535)] = Field(
        1_024, description="Characters in an event type or an id, at most; longer is refused"
    )
    nesting: Annotated[StrictInt, Field(ge=1, le=100)] = Field(
        32, description="Depth of properties; deeper is refused"
    )
    event_types: Annotated[StrictInt, Field(ge=1, le=200)] = Field(
        32, description="Event types kept apart in a profile; later ones share `other`"
    )
    recent_ids: Annotated[StrictInt, Field(ge=0, le=255)] = Field(
        16, description="Event ids a profile remembers to recognise repeated events"
    )
    attribute_text: Annotated[StrictInt, Field(ge=1, le=255)] = Field(
        64, description="Bytes kept of an attribute's text"
    )


class Config(Part):
    """Everything about the questions.

    Examples
    --------
    >>> basket = {"field": "type", "equals": "basket"}
    >>> outcome = {"will_not": {"where": basket}, "within": "7d"}
    >>> config = Config.model_validate({"goals": {"churn": {"propensity": "churn",
    ...                                                     "outcome": outcome}}})
    >>> config.goals["churn"].every
    151200000
    """

    events: EventsPart = Field(EventsPart(), description="How events are read")
    named: Annotated[dict[Name, NamedEvent], Field(max_length=50)] = Field(
        {}, description="Events of your own, by condition"
    )
    attributes: Annotated[dict[Name, FieldPath], Field(max_length=50)] = Field(
        {}, description="Attributes of a profile: the last value seen at a path"
    )
    goals: Annotated[dict[Name, Goal], Field(min_length=1, max_length=50)] = Field(
        description="The questions, by name"
    )
    time: TimePart = Field(TimePart(), description="How event time is kept")
    profiles: ProfilesPart = Field(ProfilesPart(), description="How long profiles are kept")
    scores: ScoresPart = Field(ScoresPart(), description="What leaves")
    limits: LimitsPart = Field(LimitsPart(), description="Bounds on records and profiles")
