"""The score record: what consumers of the scores topic read."""

from __future__ import annotations

from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from models.events.times import format_time
from models.learning.snapshot import Snapshot, Status


class FactorRecord(BaseModel):
    """One reason behind a score."""

    factor: str = Field(description="What it is about: event/basket/activity, profile/rhythm, ...")
    text: str = Field(description="The reason in words")
    contribution: float = Field(description="What it adds to the log-odds; negative lowers")
    importance: Literal["weak", "medium", "strong"] = Field(description="Its size in a word")


class SourceRecord(BaseModel):
    """The event that the state behind a score has last seen."""

    topic: str
    partition: int
    offset: int


class PreviousRecord(BaseModel):
    """The score before."""

    score: float
    timestamp: str


class ScoreRecord(BaseModel):
    """How likely the goal's outcome is for a profile, how that ranks, and why.

    The contributions of the factors and the remainder add up to
    logit(probability) - logit(base_rate), which is also what makes the score.
    """

    model_config = ConfigDict(extra="allow")

    goal: str = Field(description="The goal's name")
    goal_version: str = Field(description="Fingerprint of the goal's definition")
    profile_id: str = Field(description="Whose score it is")
    timestamp: str = Field(description="Event time of the profile's state, ISO 8601 UTC")
    probability: float = Field(description="Of the outcome within the window; calibrated")
    score: float = Field(description="0 to 100; 50 is the average profile, 75 three times its odds")
    percentile: int = Field(description="1 to 100, among the latest scores of all profiles")
    bucket: Literal["low", "medium", "high"] = Field(description="Score under 25, under 75, above")
    propensity: Literal["churn", "conversion"] = Field(description="Whether high is bad or good")
    status: Status = Field(description="How far the goal's model is")
    factors: list[FactorRecord] = Field(description="Reasons, strongest first")
    remainder: float = Field(description="What the reasons leave of the log-odds")
    base_rate: float = Field(description="The share of outcomes among the labels, lately")
    model_version: int = Field(description="Version of the model")
    examples: int = Field(description="Tickets that the model has learned from")
    source: SourceRecord = Field(description="The last event in the profile's state")
    previous: PreviousRecord | None = Field(None, description="The score before, if any")


def bucket_of(score: float) -> str:
    """The bucket of a score.

    Examples
    --------
    >>> [bucket_of(score) for score in (24.9, 25.0, 75.0)]
    ['low', 'medium', 'high']
    """
    return "low" if score < 25.0 else "medium" if score < 75.0 else "high"


def score_key(goal: str, profile_id: str) -> bytes:
    """The key of a score's record."""
    return f"{goal}/{profile_id}".encode()


class ScoreEncoder:
    """Writes the records of one model's scores of one partition.

    Parameters
    ----------
    snapshot
        The model.
    propensity
        The goal's polarity.
    topic, partition
        Where the events come from.
    """

    def __init__(self, snapshot: Snapshot, propensity: str, topic: str, partition: int) -> None:
        self._about = {
            "goal": snapshot.goal,
            "goal_version": snapshot.goal_version,
            "propensity": propensity,
            "status": snapshot.status,
            "base_rate": snapshot.base_rate,
            "model_version": snapshot.version,
            "examples": snapshot.examples,
        }
        self._topic = topic
        self._partition = partition

    def __call__(
        self,
        profile_id: str,
        moment: int,
        offset: int,
        percentile: int,
        previous: tuple[float, int] | None,
        probability: float,
        score: float,
        factors: list[dict[str, Any]],
        remainder: float,
    ) -> bytes:
        """The record of a score; what is what is said in :class:`ScoreRecord`."""
        record: dict[str, Any] = {
            **self._about,
            "profile_id": profile_id,
            "timestamp": format_time(moment),
            "probability": probability,
            "score": score,
            "percentile": percentile,
            "bucket": bucket_of(score),
            "factors": factors,
            "remainder": remainder,
            "source": {"topic": self._topic, "partition": self._partition, "offset": offset},
        }
        if previous is not None:
            record["previous"] = {"score": previous[0], "timestamp": format_time(previous[1])}
        return orjson.dumps(record)
