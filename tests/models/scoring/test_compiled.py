"""What a compiled model says of features is what its design vector says, weight by weight."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.learning.scaler import design_rows, standardise
from models.learning.snapshot import Snapshot
from models.profiles.features import Float64
from models.scoring.compiled import CompiledModel
from tests.support.factories import Bench, snapshot, trained


@pytest.fixture(scope="module")
def known(bench: Bench) -> Snapshot:
    return snapshot(trained(bench.engine.config, "churn", bench.steps))


def drawn(known: Snapshot, seed: int) -> tuple[Snapshot, CompiledModel, Float64]:
    """A model of drawn numbers, and rows to ask it about, with unknown ones among them."""
    draw = np.random.default_rng(seed)
    weights, centre = draw.normal(size=(2, len(known.weights))).tolist()
    model = known.model_copy(update={"weights": weights, "centre": centre})
    rows = draw.normal(size=(9, len(known.mean))) * 5
    rows[draw.random(rows.shape) < 0.1] = np.nan
    return model, CompiledModel(model), rows


def design(model: Snapshot, compiled: CompiledModel, rows: Float64) -> Float64:
    z = standardise(rows, compiled.mean, compiled.deviation, model.clip)
    return design_rows(z, compiled.plain, compiled.hinges, model.layout.hinged)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_terms_and_shares_are_those_of_the_design_vector(known: Snapshot, seed: int) -> None:
    model, compiled, rows = drawn(known, seed)
    added = design(model, compiled, rows)
    for found, wanted in (
        (compiled.terms(rows), added * model.weights),
        (compiled.shares(compiled.terms(rows)), (added - model.centre) * model.weights),
    ):
        folded = wanted[:, compiled.plain]
        folded[:, model.layout.hinged] += wanted[:, compiled.hinges]
        assert np.allclose(found, folded, rtol=0, atol=1e-12)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_logits_are_those_of_the_design_vector_whatever_the_centre(
    known: Snapshot, seed: int
) -> None:
    model, compiled, rows = drawn(known, seed)
    wanted = np.clip(design(model, compiled, rows) @ model.weights, -30.0, 30.0)
    logits = compiled.logits(compiled.terms(rows))
    assert np.allclose(logits, wanted, rtol=0, atol=1e-11)
    far = CompiledModel(model.model_copy(update={"centre": [1e300] * len(model.centre)}))
    assert far.logits(far.terms(rows)).tolist() == logits.tolist()
