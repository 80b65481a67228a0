"""The schema of what producers send: for the generated JSON Schema, and to hold the parser to.

:func:`models.events.parsing.parse_event` is a fast path to the same answers.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from models.events.parsing import CONTROL
from models.events.times import EARLIEST, LATEST, parse_time


def _printable(text: str) -> str:
    if CONTROL.search(text):
        raise ValueError("no control characters")
    return text


Text = Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(_printable)]
Time = Annotated[
    int,
    BeforeValidator(parse_time),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "integer", "minimum": EARLIEST, "exclusiveMaximum": LATEST},
            ]
        }
    ),
]


class ExperienceEvent(BaseModel):
    """One immutable experience event of a profile; the record's key is the profile id."""

    model_config = ConfigDict(strict=True, extra="allow")

    event_id: Text = Field(description="Unique to the event: repeated ones are recognised by it")
    profile_id: Text = Field(description="Whose event it is")
    timestamp: Time = Field(
        description="When it happened: ISO 8601 with a zone, or epoch milliseconds"
    )
    type: Text = Field(description="What happened", examples=["basket"])
    properties: dict[str, Any] | None = Field(None, description="Anything else, nested as you like")
