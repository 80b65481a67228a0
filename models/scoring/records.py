"""The score record: what consumers of the scores topic read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import orjson
from pydantic import BaseModel, ConfigDict, Field

from models.events.times import format_time
from models.learning.snapshot import Status
from models.profiles.features import Float64
from models.scoring.factors import MEDIUM, STRONG, importance
from models.scoring.scorer import Reasons, Scored, Scorer

#: Words tell a feature in steps of a hundredth of its logarithm, which is finer than they show.
STEPS = 100
#: Bits that the steps of a value take in the code of a feature and its value.
CODE_BITS = 24
#: Words that are remembered, at most.
MOST_WORDS = 50_000
IMPORTANCES = tuple(b',"importance":"%s"}' % name for name in (b"weak", b"medium", b"strong"))


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


class Said(NamedTuple):
    """What goes into a score's record beside what the model says.

    Parameters
    ----------
    profile_id
        Whose score it is.
    moment
        Event time of the state, milliseconds.
    offset
        The last event in the state.
    percentile
        1 to 100.
    previous
        Score and time of the one before, if any.
    """

    profile_id: str
    moment: int
    offset: int
    percentile: int
    previous: tuple[float, int] | None


class RecordWriter:
    """Writes the records of one model's scores of one partition.

    A record is put together from pieces of JSON: what is the same for all is written once, and a
    reason's words once for all values that would be told alike. :meth:`plain` is the same, plainly.

    Parameters
    ----------
    scorer
        The model.
    topic, partition
        Where the events come from.
    """

    def __init__(self, scorer: Scorer, topic: str, partition: int) -> None:
        self._scorer = scorer
        self._topic = topic
        self._partition = partition
        self._about = _about(scorer)
        source = orjson.dumps({"topic": topic, "partition": partition, "offset": 0})
        self._start = orjson.dumps(self._about)[:-1] + b',"profile_id":'
        self._source = b',"source":' + source[: source.rindex(b":") + 1]
        self._words: dict[int, bytes] = {}

    def write(self, scored: Scored, said: Sequence[Said]) -> list[bytes]:
        """The records of scores."""
        before = [np.nan if one.previous is None else one.previous[0] for one in said]
        numbers = np.column_stack((scored.probability, scored.score, scored.remainder, before))
        scores = scored.score.tolist()
        pieces = zip(said, scores, _json_rows(numbers), self._factors(scored.reasons), strict=True)
        return [self._record(*piece) for piece in pieces]

    def _factors(self, reasons: Reasons) -> list[bytes]:
        """The factors of each profile, without the brackets around them."""
        words = self._words
        if len(words) > MOST_WORDS:
            words.clear()
        steps = np.rint(reasons.value * STEPS).astype(np.int64)
        codes = ((reasons.feature << CODE_BITS) + steps).tolist()
        for code in {code for row in codes for code in row} - words.keys():
            words[code] = self._words_of(code)
        return [
            b",".join(
                [
                    words[code] + number + size
                    for code, number, size, told in zip(*row, strict=True)
                    if told
                ]
            )
            for row in zip(
                codes, _json_rows(reasons.contribution), _importances(reasons.contribution),
                reasons.told.tolist(), strict=True,
            )
        ]  # fmt: skip

    def _words_of(self, code: int) -> bytes:
        """A factor's JSON up to its contribution, by its feature and the steps of its value."""
        feature = (code + (1 << CODE_BITS - 1)) >> CODE_BITS
        factor, text = self._told(feature, code - (feature << CODE_BITS))
        return orjson.dumps({"factor": factor, "text": text})[:-1] + b',"contribution":'

    def _told(self, feature: int, steps: int) -> tuple[str, str]:
        scorer = self._scorer
        factor = scorer.factors.names[scorer.factors.of_feature[feature]]
        return factor, scorer.phrases[feature](steps / STEPS)

    def _record(self, said: Said, score: float, numbers: list[bytes], factors: bytes) -> bytes:
        probability, score_text, remainder, before = numbers
        return b"".join(
            (
                self._start, orjson.dumps(said.profile_id),
                b',"timestamp":"', format_time(said.moment).encode(),
                b'","probability":', probability, b',"score":', score_text,
                b',"percentile":%d,"bucket":"' % said.percentile, bucket_of(score).encode(),
                b'","factors":[', factors, b'],"remainder":', remainder,
                self._source, b"%d}" % said.offset, _previous(said.previous, before), b"}",
            )
        )  # fmt: skip

    def plain(self, scored: Scored, said: Sequence[Said]) -> list[dict[str, Any]]:
        """The records of scores, before they become JSON."""
        return [self._plain(scored, number, one) for number, one in enumerate(said)]

    def _plain(self, scored: Scored, number: int, said: Said) -> dict[str, Any]:
        factors = []
        for _, contribution, told, feature, value in zip(
            *(part[number].tolist() for part in scored.reasons), strict=True
        ):
            if told:
                factor, text = self._told(feature, round(value * STEPS))
                factors.append(
                    {
                        "factor": factor,
                        "text": text,
                        "contribution": contribution,
                        "importance": importance(contribution),
                    }
                )
        record = self._about | {
            "profile_id": said.profile_id,
            "timestamp": format_time(said.moment),
            "probability": float(scored.probability[number]),
            "score": float(scored.score[number]),
            "percentile": said.percentile,
            "bucket": bucket_of(float(scored.score[number])),
            "factors": factors,
            "remainder": float(scored.remainder[number]),
            "source": {
                "topic": self._topic, "partition": self._partition, "offset": said.offset,
            },
        }  # fmt: skip
        if said.previous is not None:
            score, at = said.previous
            record["previous"] = {"score": score, "timestamp": format_time(at)}
        return record


def _about(scorer: Scorer) -> dict[str, Any]:
    """What is the same in all scores of a model."""
    snapshot = scorer.snapshot
    return {
        "goal": snapshot.goal,
        "goal_version": snapshot.goal_version,
        "propensity": scorer.goal.config.propensity,
        "status": snapshot.status,
        "base_rate": snapshot.base_rate,
        "model_version": snapshot.version,
        "examples": snapshot.examples,
    }


def _json_rows(table: Float64) -> list[list[bytes]]:
    """The numbers of a table as JSON, row by row."""
    if not table.size:
        return [[] for _ in table]
    text = orjson.dumps(np.ascontiguousarray(table), option=orjson.OPT_SERIALIZE_NUMPY)
    return [row.split(b",") for row in text[2:-2].split(b"],[")]


def _importances(contributions: Float64) -> list[list[bytes]]:
    sizes = np.abs(contributions)
    steps = (sizes >= MEDIUM).astype(int) + (sizes >= STRONG)
    return [[IMPORTANCES[step] for step in row] for row in steps.tolist()]


def _previous(previous: tuple[float, int] | None, score: bytes) -> bytes:
    if previous is None:
        return b""
    at = format_time(previous[1]).encode()
    return b',"previous":{"score":%s,"timestamp":"%s"}' % (score, at)
