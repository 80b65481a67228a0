"""Snapshots: the numbers of a model at a version, as they travel to every scorer."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import SnapshotError
from models.learning.layout import Block, Kind, Layout
from models.learning.scaler import positions

#: Bounds beyond which numbers are not those of a model that learned: a poisoned snapshot.
LARGEST_WEIGHT = 1_000.0
MOST_WEIGHTS = 20_000

Status = Literal["collecting", "warming", "ready", "degraded"]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=-LARGEST_WEIGHT, le=LARGEST_WEIGHT)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Snapshot(BaseModel):
    """The numbers of a goal's model at a version.

    A design vector is 1 for the bias, then z of each feature with its hinge right behind it; see
    :func:`models.learning.scaler.positions`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    goal: str = Field(description="The goal's name")
    goal_version: str = Field(description="Fingerprint of the goal's definition")
    version: int = Field(ge=0, description="Labels learned, reversals included: it only grows")
    examples: int = Field(ge=0, description="Tickets learned")
    positives: int = Field(ge=0, description="Those whose outcome occurred")
    status: Status = Field(description="How far the goal is")
    reason: str = Field("", description="Why it is not ready")
    learned_until: int = Field(description="End of the latest window learned, epoch milliseconds")
    base_rate: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="The share of outcomes among the labels, lately"
    )
    blocks: list[tuple[Kind, str, str]] = Field(description="The layout: kind, name, text")
    mean: list[Finite] = Field(description="Mean of each feature")
    deviation: list[Positive | None] = Field(
        description="Standard deviation of each feature; null while it has not varied"
    )
    clip: Positive = Field(description="The largest absolute z")
    weights: list[Weight] = Field(description="Weights of the design vector, the bias first")
    centre: list[Finite] = Field(description="Mean of the design vector over recent tickets")

    @model_validator(mode="after")
    def _fits(self) -> Snapshot:
        features = len(self.layout.features)
        plain, hinges = positions(self.layout.features)
        size = 1 + len(plain) + len(hinges)
        lengths = (len(self.mean), len(self.deviation), len(self.weights), len(self.centre))
        if lengths != (features, features, size, size) or size > MOST_WEIGHTS:
            raise ValueError(f"{lengths} numbers where the layout has {features} and {size}")
        return self

    @property
    def layout(self) -> Layout:
        """The layout of its features; the same object as long as it stays the same."""
        return _layout_of(tuple(self.blocks))


@lru_cache(maxsize=64)
def _layout_of(blocks: tuple[tuple[Kind, str, str], ...]) -> Layout:
    return Layout(tuple(Block(*block) for block in blocks))


def read_snapshot(value: bytes) -> Snapshot:
    """A snapshot from JSON.

    Raises
    ------
    SnapshotError
        Not a snapshot, or numbers out of bounds.
    """
    try:
        return Snapshot.model_validate_json(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise SnapshotError(f"{first['loc']}: {first['msg']}") from None


def finite_or_none(values: list[float]) -> list[float | None]:
    """Deviations as JSON can say them: null for infinite."""
    return [value if math.isfinite(value) else None for value in values]
