"""The insight record: how far a goal is, how good it has been, and what it looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from models.events.times import format_time
from models.learning.snapshot import Status
from models.quality.tally import Tally

if TYPE_CHECKING:
    from models.learning.trainer import Trainer

#: Factors that are told, the most important first.
MOST_FACTORS = 20


class QualityRecord(BaseModel):
    """Quality of what was said at T0, over the tickets that were due in a span of time."""

    tickets: int = Field(description="Matured tickets that carry a probability")
    positives: int = Field(description="Those whose outcome occurred")
    base_rate: float | None = Field(description="Their share")
    auc: float | None = Field(description="How often a positive was said to be likelier")
    log_loss: float | None = Field(description="Mean surprise per label, nats")
    normalized_entropy: float | None = Field(
        description="Log loss over that of always saying the base rate; below 1 is better"
    )
    calibration_ratio: float | None = Field(description="Outcomes expected for each that came")
    ece: float | None = Field(description="Expected calibration error over ten equal parts")
    lift: float | None = Field(description="Times the base rate in the likeliest tenth")


class WeightRecord(BaseModel):
    """How much a factor weighs."""

    factor: str = Field(description="Its name, as in scores")
    share: float = Field(description="Of the size of all contributions over recent tickets")


class InsightRecord(BaseModel):
    """How far a goal is, how good it has been, and what it looks at.

    Spans are ``day``, ``week``, ``window`` (the goal's own) and ``all``, by the tickets' due times.
    """

    goal: str = Field(description="The goal's name")
    goal_version: str = Field(description="Fingerprint of the goal's definition")
    status: Status = Field(description="How far the goal is")
    reason: str = Field(description="A code: why it is no further; empty when ready")
    text: str = Field(description="The reason in words")
    have: float = Field(description="What there is of what the reason is about; times in days")
    need: float = Field(description="What is needed of it")
    model_version: int = Field(description="Version of the model")
    examples: int = Field(description="Tickets learned")
    positives: int = Field(description="Those whose outcome occurred")
    base_rate: float = Field(description="The share of outcomes among the labels, lately")
    learned_until: str = Field(description="End of the latest window learned, ISO 8601 UTC")
    latest_t0: str | None = Field(description="T0 of the latest ticket learned, ISO 8601 UTC")
    ticket_age_seconds: float | None = Field(
        description="How old the latest ticket was when it was learned"
    )
    quality: dict[str, QualityRecord] = Field(description="Of the model, by span")
    baselines: dict[str, dict[str, QualityRecord]] = Field(
        description="Of saying the base rate, and of recency only, by span, over the same tickets"
    )
    factors: list[WeightRecord] = Field(description="The most important first")
    factor_stability: float | None = Field(
        description="How much of the factors' shares is where it was some thousand labels ago, 0-1"
    )
    scores: list[int] = Field(
        description="Tickets of the window span by score, in 20 steps from 0 to 100"
    )


def insight_of(trainer: Trainer) -> InsightRecord:
    """What there is to say of a goal by now."""
    readiness, model = trainer.readiness, trainer.model
    age = None if trainer.latest_t0 is None else (trainer.learned_until - trainer.latest_t0) / 1000
    return InsightRecord(
        goal=trainer.goal.name,
        goal_version=trainer.goal.version,
        status=readiness.status,
        reason=readiness.reason,
        text=readiness.text,
        have=readiness.have,
        need=readiness.need,
        model_version=trainer.version,
        examples=trainer.labels,
        positives=trainer.positives,
        base_rate=model.base_rate,
        learned_until=format_time(trainer.learned_until),
        latest_t0=None if trainer.latest_t0 is None else format_time(trainer.latest_t0),
        ticket_age_seconds=age,
        quality=_figures(trainer.quality.spans()),
        baselines={
            name: _figures(quality.spans()) for name, quality in trainer.baseline_quality.items()
        },
        factors=_weights(model.importance.shares),
        factor_stability=model.importance.stability,
        scores=trainer.quality.rings["window"].total().scores(model.base_rate),
    )


def _figures(spans: dict[str, Tally]) -> dict[str, QualityRecord]:
    return {name: QualityRecord(**tally.figures()) for name, tally in spans.items()}


def _weights(shares: dict[str, float]) -> list[WeightRecord]:
    ranked = sorted(shares.items(), key=lambda item: -item[1])[:MOST_FACTORS]
    return [WeightRecord(factor=name, share=share) for name, share in ranked]
