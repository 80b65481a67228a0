"""Examples: labelled tickets on their way to the trainer."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import InvalidEvent
from models.events.times import format_time, parse_time
from models.learning.raw import raw_of_names
from models.profiles.features import RawProfile, named_features

Kind = Literal["outcome", "reversal"]
#: What no example of ours comes near; beyond it numbers leave float32.
LARGEST = 1e30
MOST_FEATURES = 10_000
MOST_PARTITIONS = 65_536
LARGEST_INTEGER = 2**63 - 1
Number = Annotated[float, Field(gt=-LARGEST, lt=LARGEST)]


class Example(msgspec.Struct, frozen=True, gc=False):
    """A labelled ticket.

    Parameters
    ----------
    goal, goal_version
        Whose question it answers.
    profile_id
        Whose ticket it was.
    t0, due
        When it was opened and when its window ended, milliseconds.
    label
        1 when the outcome occurred.
    probability, model_version
        What was said at T0; None and 0 when there was no model yet.
    raw
        The features of T0.
    kind
        ``reversal`` when a late event turned a negative that has been sent.
    partition, offset
        Of the source record that moved the clock past the window, or that was late; offset -1 when
        the clock ran idle.
    """

    goal: str
    goal_version: str
    profile_id: str
    t0: int
    due: int
    label: int
    probability: float | None
    model_version: int
    raw: RawProfile
    kind: Kind
    partition: int
    offset: int

    @property
    def ticket_id(self) -> str:
        """Unique to the ticket, the same whenever it is computed."""
        return f"{self.goal}/{self.goal_version}/{self.profile_id}/{self.t0}"


class ExampleSource(BaseModel):
    """The source record that moved the clock past the window, or that was late."""

    partition: Annotated[int, Field(ge=0, lt=MOST_PARTITIONS)]
    offset: Annotated[int, Field(ge=-1)] = Field(description="-1 when the clock ran idle")


class ExampleRecord(BaseModel):
    """A labelled ticket: a row to learn from, for our trainer or anyone's."""

    model_config = ConfigDict(extra="allow")

    ticket_id: str = Field(description="Unique to the ticket")
    goal: str = Field(description="The goal's name")
    goal_version: str = Field(description="Fingerprint of the goal's definition")
    profile_id: str = Field(description="Whose ticket it was")
    t0: str = Field(description="When it was opened, ISO 8601 UTC")
    due: str = Field(description="When its window ended, ISO 8601 UTC")
    label: Literal[0, 1] = Field(description="1 when the outcome occurred in the window")
    weight: float = Field(description="How much it counts")
    features: Annotated[dict[str, Number], Field(max_length=MOST_FEATURES)] = Field(
        description="Raw features of T0 by name; sparse"
    )
    probability: Annotated[float, Field(ge=0, le=1)] | None = Field(
        description="What was said at T0; null without a model"
    )
    model_version: int = Field(description="Version of the model that said it; 0 for none")
    kind: Kind = Field(description="reversal: a late event turned a negative sent before")
    source: ExampleSource = Field(description="What brought it about")


class _Source(msgspec.Struct, forbid_unknown_fields=True):
    """:class:`ExampleSource` as it is written."""

    partition: Annotated[int, msgspec.Meta(ge=0, lt=MOST_PARTITIONS)]
    offset: Annotated[int, msgspec.Meta(ge=-1, le=LARGEST_INTEGER)]


class _Record(msgspec.Struct, forbid_unknown_fields=True):
    """:class:`ExampleRecord` as it is written; what is not quite so is left to the other."""

    ticket_id: str
    goal: str
    goal_version: str
    profile_id: str
    t0: str
    due: str
    label: Literal[0, 1]
    weight: float
    features: Annotated[
        dict[str, Annotated[float, msgspec.Meta(gt=-LARGEST, lt=LARGEST)]],
        msgspec.Meta(max_length=MOST_FEATURES),
    ]
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] | None
    model_version: Annotated[int, msgspec.Meta(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER)]
    kind: Kind
    source: _Source


_decode = msgspec.json.Decoder(_Record).decode


def encode_example(example: Example) -> bytes:
    """The record of an example."""
    return orjson.dumps(
        {
            "ticket_id": example.ticket_id,
            "goal": example.goal,
            "goal_version": example.goal_version,
            "profile_id": example.profile_id,
            "t0": format_time(example.t0),
            "due": format_time(example.due),
            "label": example.label,
            "weight": 1.0,
            "features": named_features(example.raw),
            "probability": example.probability,
            "model_version": example.model_version,
            "kind": example.kind,
            "source": {"partition": example.partition, "offset": example.offset},
        }
    )


def decode_example(value: bytes) -> Example:
    """An example from its record.

    A checked fast path reads what :func:`encode_example` writes; everything else is read, or
    refused with its reason, by the schema. A property test holds the two together.

    Raises
    ------
    InvalidEvent
        Not an example; the code is that of the dead letter.
    """
    try:
        return _example(_decode(value))
    except (msgspec.DecodeError, ValueError):
        return decode_by_schema(value)


def decode_by_schema(value: bytes) -> Example:
    """An example from its record, by :class:`ExampleRecord` alone; see :func:`decode_example`."""
    try:
        return _example(ExampleRecord.model_validate(orjson.loads(value)))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))[:100]
        raise InvalidEvent("bad_example", f"{place}: {first['msg']}") from None
    except (orjson.JSONDecodeError, ValueError) as error:
        raise InvalidEvent("bad_example", str(error)) from None


def _example(record: ExampleRecord | _Record) -> Example:
    return Example(
        record.goal, record.goal_version, record.profile_id,
        parse_time(record.t0), parse_time(record.due), record.label,
        record.probability, record.model_version, raw_of_names(record.features), record.kind,
        record.source.partition, record.source.offset,
    )  # fmt: skip
