"""Forty profiles that have lived for twelve days, for whatever scores them."""

from __future__ import annotations

import pytest

from models.profiles.codec import unpack
from models.profiles.features import RawFeatures, freeze, raw_features
from tests.support.factories import Bench, config, goal, habits, records


@pytest.fixture(scope="package")
def bench() -> Bench:
    bench = Bench(config({"churn": goal(tickets={"every": "2h"})}))
    bench.run(records(habits(profiles=40, days=12)))
    return bench


@pytest.fixture(scope="package")
def raw(bench: Bench) -> RawFeatures:
    now = bench.partition.clock.now
    states = [state for key, state in bench.partition.profiles.items() if key[:1] == b"p"]
    return raw_features([freeze(unpack(state), now) for state in states])
