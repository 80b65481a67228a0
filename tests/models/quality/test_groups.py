"""Equal parts of the labels, from bins, agree with parts of the labels themselves."""

from __future__ import annotations

import numpy as np
import pytest

from models.quality.tally import FINE_BINS, FINE_SPAN, Labels, Tally


def drawn(number: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    p = 1 / (1 + np.exp(-generator.normal(-2.0, 1.5, number)))
    return p, (generator.random(number) < p).astype(int)


def parts(p: np.ndarray, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    order = np.argsort(-p, kind="stable")
    return [(p[one], y[one]) for one in np.array_split(order, 10)]


@pytest.mark.parametrize(("bins", "span", "near"), [(FINE_BINS, FINE_SPAN, 2e-3), (128, 8.0, 6e-2)])
def test_lift_gains_and_calibration_error(bins: int, span: float, near: float) -> None:
    p, y = drawn()
    tally = Tally(bins, span)
    tally.add_many(Labels.of(p, y))
    groups = tally.groups()
    expected = [part.mean() / y.mean() for _, part in parts(p, y)]
    assert groups.lift == pytest.approx(expected, rel=near, abs=near)
    assert groups.gains == pytest.approx(np.cumsum(expected) / 10, rel=near, abs=near)
    ece = np.mean([abs(said.mean() - came.mean()) for said, came in parts(p, y)])
    assert tally.ece == pytest.approx(ece, abs=near / 5)


def test_parts_of_equal_probabilities_are_told_apart_by_nothing() -> None:
    tally = Tally()
    tally.add_many(Labels.of(np.full(1_000, 0.3), np.arange(1_000) % 4 == 0))
    assert tally.groups().lift == pytest.approx(np.ones(10))


def test_scores_are_counted_beside_the_base_rate() -> None:
    tally = Tally(FINE_BINS, FINE_SPAN)
    tally.add_many(Labels.of([0.2, 0.2, 3 / 7], [0, 1, 1]))
    found = tally.scores(base_rate=0.2, parts=20)
    assert sum(found) == 3
    assert found[9] + found[10] == 2
    assert found[14] + found[15] == 1


def test_a_tally_is_the_same_after_its_state_was_kept() -> None:
    tally = Tally()
    tally.add_many(Labels.of(*drawn(500)))
    again = Tally.load(tally.dump())
    assert again.figures() == tally.figures()
