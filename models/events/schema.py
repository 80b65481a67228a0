"""The schema of what producers send: for the generated JSON Schema and the documents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(min_length=1, max_length=1024)]


class ExperienceEvent(BaseModel):
    """One immutable experience event of a profile; the record's key is the profile id."""

    model_config = ConfigDict(strict=True, extra="allow")

    event_id: Text = Field(description="Unique to the event: repeated ones are recognised by it")
    profile_id: Text = Field(description="Whose event it is")
    timestamp: datetime | Annotated[int, Field(ge=0)] = Field(
        description="When it happened: ISO 8601 with a zone, or epoch milliseconds"
    )
    type: Text = Field(description="What happened", examples=["basket"])
    properties: dict[str, Any] | None = Field(None, description="Anything else, nested as you like")
