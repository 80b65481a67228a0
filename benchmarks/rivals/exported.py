"""Models as the rivals read them: every number that scoring a profile takes, as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from models.learning.snapshot import read_snapshot
from models.scoring.compiled import CompiledModel
from models.scoring.factors import factors_of


def exported(snapshots: Iterable[bytes], propensities: dict[str, str]) -> bytes:
    """The file that arithmetic.py reads.

    Parameters
    ----------
    snapshots
        As the models topic has them.
    propensities
        Of each goal, churn or conversion.
    """
    return orjson.dumps([_model(value, propensities) for value in snapshots])


def _model(value: bytes, propensities: dict[str, str]) -> dict[str, Any]:
    model = CompiledModel(read_snapshot(value))
    snapshot, layout = model.snapshot, model.layout
    if layout.attributes:
        raise ValueError("the rivals know no attributes")
    terms = _terms(model)
    about = ("goal", "goal_version", "status", "base_rate", "examples")
    return {
        "about": {name: getattr(snapshot, name) for name in about}
        | {"model_version": snapshot.version, "propensity": propensities[snapshot.goal]},
        "blocks": snapshot.blocks,
        "terms": terms,
        "factors": factors_of(layout).names,
        "bias": float(model.weights[0]) + sum(term[4] for term in terms),
        "base_logit": model.base_logit,
        "clip": snapshot.clip,
    }


def _terms(model: CompiledModel) -> list[tuple[float, ...]]:
    """For each feature: mean, one over its deviation, its weights, the usual sum, its factor."""
    parts = (model.mean, 1.0 / model.deviation, model.slope, model.bend, model.average)
    factors = factors_of(model.layout).of_feature
    return list(zip(*(part.tolist() for part in (*parts, factors)), strict=True))
