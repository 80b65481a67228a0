"""Baselines say of a ticket only what they knew at its T0."""

from __future__ import annotations

import numpy as np
import pytest

from models.profiles.features import HOURS, RawProfile
from models.quality.baselines import MOMENTS, Baselines, RecencyModel

WINDOW = 1_000_000


def raw(hours: float) -> RawProfile:
    rows = np.zeros(10, np.float32)
    rows[HOURS] = hours
    numbers = np.concatenate((np.full(8, 100.0, np.float32), rows))
    return RawProfile(numbers, ("event/basket",), {})


def test_the_base_rate_said_is_that_of_the_labels_known_at_t0() -> None:
    generator = np.random.default_rng(1)
    baselines = Baselines(WINDOW, ())
    dues: list[int] = []
    labels: list[int] = []
    step = WINDOW // 200
    for number in range(2_000):
        t0, label = number * step, int(generator.random() < 0.2 + 0.0003 * number)
        said = baselines.meet(t0, t0 + WINDOW, raw(1.0), label).base_rate
        known = [one for due, one in zip(dues, labels, strict=True) if due < t0]
        late = [one for due, one in zip(dues, labels, strict=True) if due < t0 - WINDOW / MOMENTS]
        candidates = {
            (sum(known[:size]) + 1) / (size + 2)
            for size in range(max(len(late) - 4, 0), len(known) + 1)
        }
        assert said in candidates
        dues.append(t0 + WINDOW)
        labels.append(label)


def test_the_first_window_of_tickets_is_told_nothing() -> None:
    baselines = Baselines(WINDOW, ())
    said = [baselines.meet(t0, t0 + WINDOW, raw(1.0), 1) for t0 in range(0, WINDOW, WINDOW // 50)]
    assert {one.base_rate for one in said} == {0.5}


def test_recency_is_learned() -> None:
    baselines = Baselines(WINDOW, ("event/basket",))
    for number in range(3_000):
        label = number % 2
        t0 = number * (WINDOW // 100)
        said = baselines.meet(t0, t0 + WINDOW, raw(2.0 if label else 200.0), label)
    assert said.recency > 0.9


def test_baselines_are_the_same_after_their_state_was_kept() -> None:
    one, other = (Baselines(WINDOW, ("event/basket",)) for _ in range(2))
    for number in range(500):
        one.meet(number * 5_000, number * 5_000 + WINDOW, raw(float(number % 9)), number % 3 == 0)
    other.load(one.dump())
    later = (3_000_000, 4_000_000, raw(4.0), 1)
    assert one.meet(*later) == pytest.approx(other.meet(*later))
    assert one.dump() == other.dump()


def test_a_turned_label_is_taken_back_from_where_it_was_counted() -> None:
    """What was said of a ticket is said of it again, until nothing that old is remembered."""
    baselines, step = Baselines(WINDOW, ("event/basket",)), WINDOW // 100
    met = [
        (
            t0,
            raw(float(t0 % 7)),
            baselines.meet(t0, t0 + WINDOW, raw(float(t0 % 7)), int(t0 % 3 == 0)),
        )
        for t0 in range(0, 4 * WINDOW, step)
    ]
    for t0, features, said in met[-100:]:
        assert baselines.turn(t0, features, 1) == said
    forgotten, features, _ = met[1]
    assert baselines.turn(forgotten, features, 1) is None


def test_a_baseline_whose_labels_turned_knows_what_one_does_that_met_them_so() -> None:
    """A third of the positives came late: the recency model unlearns their negatives."""
    generator = np.random.default_rng(3)
    turned, right, left = (Baselines(WINDOW, ("event/basket",)) for _ in range(3))
    late: list[tuple[int, RawProfile]] = []
    for number in range(2_000):
        t0, hours = number * 5_000, float(generator.integers(1, 300))
        label = int(generator.random() < 1.0 / (1.0 + hours / 40.0))
        is_late = label == 1 and number % 3 == 0
        for one, met in ((turned, label and not is_late), (left, label and not is_late),
                         (right, label)):  # fmt: skip
            one.meet(t0, t0 + WINDOW, raw(hours), int(met))
        if is_late:
            late.append((t0, raw(hours)))
            turned.turn(*late[-1], 1)
    asked = 20 * WINDOW
    for hours in (1.0, 10.0, 60.0, 250.0):
        expected, *told = (
            one.meet(asked, asked + WINDOW, raw(hours), 1) for one in (right, turned, left)
        )
        assert told[0].base_rate == expected.base_rate
        assert told[0].recency == pytest.approx(expected.recency, abs=0.01)
    assert len(late) > 100
    assert told[1].recency < 0.8 * expected.recency


@pytest.mark.parametrize("x", [0.0, 1.0, 6.0])
@pytest.mark.parametrize("label", [0, 1])
def test_what_was_unlearned_is_as_if_it_had_not_been_learned(x: float, label: int) -> None:
    model = RecencyModel()
    for number in range(600):
        model.learn(float(number % 7), int(number % 7 > 3))
    before = model.dump()
    model.learn(x, label)
    assert model.dump() != before
    model.unlearn(x, label)
    assert model.dump() == pytest.approx(before, rel=1e-3, abs=1e-4)


def test_a_label_that_holds_everything_up_is_not_taken_back() -> None:
    """Unlearning what was hardly learned would turn the covariance inside out."""
    model = RecencyModel()
    before = model.dump()
    model.unlearn(30.0, 1)
    assert model.dump() == before
