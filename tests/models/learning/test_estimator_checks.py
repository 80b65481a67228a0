"""River's own battery of checks, on our estimators and on the pipeline they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from river import checks, compose

from models.learning.logistic import BayesianLogisticRegression
from models.learning.scaler import HingeScaler
from models.learning.vocabulary import ProfileFeatures

ESTIMATORS = [
    BayesianLogisticRegression(),
    HingeScaler(),
    ProfileFeatures(),
    compose.Pipeline(HingeScaler(), BayesianLogisticRegression()),
    compose.Pipeline(ProfileFeatures(), HingeScaler(), BayesianLogisticRegression()),
]
#: River's wrappers are not made for these checks: a pipeline has no docstring of its own and takes
#: its steps as arguments. River leaves them out for its own pipelines, too.
NOT_FOR_PIPELINES = {
    "check_doc", "check_init_has_default_params_for_tests", "check_get_params_matches_signature",
    "check_repr_roundtrips_clone", "check_clone_with_new_params_applies",
    "check_mutate_can_be_idempotent", "check_init_default_params_are_not_mutable",
}  # fmt: skip


def cases() -> list[Any]:
    return [
        pytest.param(estimator, check, id=f"{type(estimator).__name__}{number}-{check.__name__}")
        for number, estimator in enumerate(ESTIMATORS)
        for check in checks.yield_checks(estimator)
        if not (isinstance(estimator, compose.Pipeline) and check.__name__ in NOT_FOR_PIPELINES)
    ]


@pytest.mark.parametrize(("estimator", "check"), cases())
def test_river_checks_pass(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator.clone())
