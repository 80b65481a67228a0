"""Quality from counters agrees with quality from all the labels."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from models.quality.tally import Labels, Tally
from models.quality.windows import Quality

DAY = 86_400_000


def drawn(number: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    p = 1 / (1 + np.exp(-generator.normal(-1.5, 1.5, number)))
    return p, (generator.random(number) < p).astype(int)


def counted(p: np.ndarray, y: np.ndarray) -> Tally:
    tally = Tally()
    tally.add_many(Labels.of(p.tolist(), y.tolist()))
    return tally


def test_auc_and_log_loss_agree_with_those_of_scikit_learn() -> None:
    p, y = drawn()
    tally = counted(p, y)
    assert tally.auc == pytest.approx(roc_auc_score(y, p), abs=1e-3)
    assert tally.log_loss == pytest.approx(log_loss(y, p), rel=1e-9)
    assert tally.calibration_ratio == pytest.approx(p.sum() / y.sum())


def test_normalized_entropy_is_one_for_who_always_says_the_base_rate() -> None:
    _, y = drawn()
    tally = counted(np.full(len(y), y.mean()), y)
    assert tally.normalized_entropy == pytest.approx(1.0)
    assert tally.auc == 0.5


def test_without_both_classes_there_is_nothing_to_say() -> None:
    tally = counted(np.array([0.5, 0.9]), np.array([1, 1]))
    assert (tally.auc, tally.normalized_entropy, tally.rarer) == (None, None, 0)


def test_extreme_probabilities_are_counted() -> None:
    tally = counted(np.array([0.0, 1.0, 1e-300]), np.array([0, 1, 1]))
    assert tally.labels == 3
    assert np.isfinite(tally.log_loss)


def test_taking_labels_back_leaves_nothing() -> None:
    p, y = drawn(500)
    tally = counted(p, y)
    tally.add_many(Labels.of(p.tolist(), y.tolist()), sign=-1)
    assert tally.labels == 0
    assert tally.said == pytest.approx(0.0, abs=1e-9)


def test_a_tally_survives_its_state() -> None:
    tally = counted(*drawn(500))
    again = Tally.load(tally.dump())
    assert again.dump() == tally.dump()


def test_the_last_day_and_week_forget_what_is_older() -> None:
    quality = Quality(window=30 * DAY)
    dues = [n * DAY for n in range(100)]
    quality.add_many(dues, [0.5] * 100, [1] * 100)
    labels = {name: tally.labels for name, tally in quality.spans().items()}
    assert labels == {"day": 1, "week": 7, "window": 30, "all": 100} or labels["week"] in (7, 8)
    assert 26 <= labels["window"] <= 30


def test_quality_does_not_depend_on_the_cut() -> None:
    p, y = drawn(1_000)
    dues = [n * DAY // 10 for n in range(1_000)]
    whole, cut = Quality(7 * DAY), Quality(7 * DAY)
    whole.add_many(dues, p.tolist(), y.tolist())
    for at in range(0, 1_000, 13):
        part = slice(at, at + 13)
        cut.add_many(dues[part], p[part].tolist(), y[part].tolist())
    assert cut.dump() == whole.dump()
