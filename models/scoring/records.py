"""The score record: what consumers of the scores topic read."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import BaseModel, ConfigDict, Field

from models.events.times import format_time
from models.learning.snapshot import Status
from models.profiles.features import Float64
from models.scoring.factors import MEDIUM, STRONG, importance
from models.scoring.scorer import Reasons, Scored, Scorer
from models.scoring.words import codes_of

#: A piece of JSON for each record, or one that is the same in all.
Column = list[bytes] | bytes
LOW_BELOW, HIGH_FROM = 25.0, 75.0
MOST_PERCENT = 100
#: What is said of a percentile and a bucket, for all there are.
RANKS = tuple(
    b',"percentile":%d,"bucket":"%b","factors":[' % (percentile, bucket)
    for bucket in (b"low", b"medium", b"high")
    for percentile in range(MOST_PERCENT + 1)
)
#: The end of a record, of which the source is the last but for a score before.
END = b"}}"
PREVIOUS = b'},"previous":{"score":%b,"timestamp":"%b"}}'
#: The end of a factor that is the last one, and of one that another follows.
ENDS = tuple(
    b',"importance":"%s"}%s' % (name, comma)
    for comma in (b"", b",")
    for name in (b"weak", b"medium", b"strong")
)


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
    return "low" if score < LOW_BELOW else "medium" if score < HIGH_FROM else "high"


class Whose:
    """Whose scores are written, one profile each; the same for the scores of all goals.

    Parameters
    ----------
    profile_id
        Whose score it is.
    moment
        Event time of the state, milliseconds.
    offset
        The last event in the state.
    """

    def __init__(
        self, profile_id: Sequence[str], moment: Sequence[int], offset: Sequence[int]
    ) -> None:
        self.profile_id = profile_id
        self.moment = moment
        self.offset = offset

    def __len__(self) -> int:
        return len(self.profile_id)

    @cached_property
    def columns(self) -> tuple[list[bytes], list[bytes], list[bytes]]:
        """All three as JSON: the first without quotes, the times with what stands around them."""
        times = _json_times(self.moment, b'","timestamp":"%b","probability":')
        return _json_texts(self.profile_id), times, _json_integers(self.offset)


class Said(NamedTuple):
    """What goes into the records of scores beside what the model says, one each.

    Parameters
    ----------
    whose
        Whose they are.
    percentile
        1 to 100.
    before
        Score and time of the one before, if any.
    """

    whose: Whose
    percentile: Sequence[int]
    before: Sequence[tuple[float, int] | None]


class RecordWriter:
    """Writes the records of one model's scores of one partition.

    Records are put together from pieces of JSON, a column of pieces at a time for all of them: a
    few operations on lists instead of a hundred a record. :meth:`plain` is the same, plainly.

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
        self._start = orjson.dumps(self._about)[:-1] + b',"profile_id":"'
        self._source = b',"source":' + source[: source.rindex(b":") + 1]

    def write(self, scored: Scored, said: Said) -> list[bytes]:
        """The records of scores."""
        ids, times, offsets = said.whose.columns
        columns: list[Column] = [
            self._start, ids, times, _json_numbers(scored.probability),
            b',"score":', _json_numbers(scored.score), _ranks(said.percentile, scored.score),
            *self._factors(scored.reasons),
            b'],"remainder":', _json_numbers(scored.remainder),
            self._source, offsets, _ends(said.before),
        ]  # fmt: skip
        return _joined(columns, len(ids))

    def _factors(self, reasons: Reasons) -> list[Column]:
        """The columns of each factor: words, number, importance and a comma but for the last."""
        words, told = self._scorer.telling.words, reasons.told
        codes = codes_of(reasons.feature, reasons.young, reasons.value)
        sizes = np.abs(reasons.contribution)
        ends = (sizes >= MEDIUM).astype(int) + (sizes >= STRONG)
        ends[:, :-1] += 3 * _any_from(told)[:, 1:]
        columns: list[Column] = []
        for number in range(told.shape[1]):
            pieces = (
                list(map(words.__getitem__, codes[:, number].tolist())),
                _json_numbers(reasons.contribution[:, number]),
                list(map(ENDS.__getitem__, ends[:, number].tolist())),
            )
            for row in np.flatnonzero(~told[:, number]).tolist():
                for piece in pieces:
                    piece[row] = b""
            columns += pieces
        return columns

    def plain(self, scored: Scored, said: Said) -> list[dict[str, Any]]:
        """The records of scores, before they become JSON."""
        return [self._plain(scored, number, said) for number in range(len(said.whose))]

    def _plain(self, scored: Scored, number: int, said: Said) -> dict[str, Any]:
        factors, whose = [], said.whose
        for _, contribution, told, feature, value, young in zip(
            *(part[number].tolist() for part in scored.reasons), strict=True
        ):
            if told:
                factor, text = self._scorer.telling.words.told(feature, young, value)
                factors.append(
                    {
                        "factor": factor,
                        "text": text,
                        "contribution": contribution,
                        "importance": importance(contribution),
                    }
                )
        record = self._about | {
            "profile_id": whose.profile_id[number],
            "timestamp": format_time(whose.moment[number]),
            "probability": float(scored.probability[number]),
            "score": float(scored.score[number]),
            "percentile": said.percentile[number],
            "bucket": bucket_of(float(scored.score[number])),
            "factors": factors,
            "remainder": float(scored.remainder[number]),
            "source": {
                "topic": self._topic,
                "partition": self._partition,
                "offset": whose.offset[number],
            },
        }
        before = said.before[number]
        if before is not None:
            score, at = before
            record["previous"] = {"score": score, "timestamp": format_time(at)}
        return record


def _any_from(told: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Of each place in each row, whether it or one behind it is told."""
    return np.logical_or.accumulate(told[:, ::-1], axis=1)[:, ::-1]


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


def _joined(columns: Sequence[Column], rows: int) -> list[bytes]:
    """Rows put together from columns; one that is a single piece has it in every row."""
    whole = [
        itertools.repeat(column, rows) if isinstance(column, bytes) else column
        for column in columns
    ]
    return list(map(b"".join, zip(*whole, strict=True)))


def _json_numbers(numbers: Float64) -> list[bytes]:
    """Numbers as JSON, one each."""
    return _items(orjson.dumps(np.ascontiguousarray(numbers), option=orjson.OPT_SERIALIZE_NUMPY))


def _json_integers(numbers: Sequence[int]) -> list[bytes]:
    return _items(orjson.dumps(numbers))


def _items(array: bytes) -> list[bytes]:
    return array[1:-1].split(b",")


def _json_texts(texts: Sequence[str]) -> list[bytes]:
    """Texts as JSON without the quotes around them."""
    array = orjson.dumps(texts)
    if b"\\" in array:  # there are quotes within them, perhaps
        return [orjson.dumps(text)[1:-1] for text in texts]
    return array[2:-2].split(b'","')


def _json_times(moments: Sequence[int], about: bytes = b"%b") -> list[bytes]:
    """Times as JSON without quotes, something around each; those of one run are mostly the same."""
    distinct = list(set(moments))
    texts = np.datetime_as_string(np.array(distinct, dtype="datetime64[ms]"), timezone="UTC")
    whole = map(about.__mod__, texts.astype(np.bytes_).tolist())
    said: dict[int, bytes] = dict(zip(distinct, whole, strict=True))
    return list(map(said.__getitem__, moments))


def _ranks(percentiles: Sequence[int], scores: Float64) -> list[bytes]:
    """The column of percentiles and buckets, up to the factors."""
    steps = (scores >= LOW_BELOW).astype(int) + (scores >= HIGH_FROM)
    codes = steps * (MOST_PERCENT + 1) + np.array(percentiles)
    return list(map(RANKS.__getitem__, codes.tolist()))


def _ends(before: Sequence[tuple[float, int] | None]) -> Column:
    """The column of ends, which say what the score before was where there was one."""
    known = [one for one in before if one is not None]
    if not known:
        return END
    scores, times = zip(*known, strict=True)
    pairs = zip(_json_numbers(np.array(scores)), _json_times(times), strict=True)
    said = map(PREVIOUS.__mod__, pairs)
    return [END if one is None else next(said) for one in before]
