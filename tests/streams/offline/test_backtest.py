"""A backtest scores every ticket with what was known at its T0, and says what it was given."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from models.config.durations import DAY, HOUR
from models.config.schema import Config
from models.learning.trainer import trainers_of
from models.profiles.features import named_features
from streams.offline.backtest import LEAST_RUN
from streams.offline.figures import backtest
from streams.offline.layout import PLAIN
from tests.support.factories import (
    BASKET,
    COUPON,
    START,
    Bench,
    config,
    event,
    goal,
    habits,
    records,
)

GOALS = {
    "churn": goal(tickets={"every": "6h"}),
    "coupon": goal(
        propensity="conversion",
        outcome={"will": {"where": COUPON}, "within": "2d"},
        eligible={"where": BASKET, "in_last": "3d"},
        tickets={"every": "12h"},
    ),
}
DAYS = 14


def write(path: Path, events: list[dict[str, Any]]) -> str:
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in events))
    return str(path)


def run(questions: Config, events: str, out: Path) -> dict[str, Any]:
    out.mkdir(exist_ok=True)
    return backtest(questions, events, out, PLAIN, lambda *_: None)


@pytest.fixture(scope="module")
def questions() -> Config:
    return config(GOALS, attributes={"plan": "properties.plan"})


@pytest.fixture(scope="module")
def log() -> list[dict[str, Any]]:
    return habits(profiles=40, days=DAYS)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backtest")


@pytest.fixture(scope="module")
def report(questions: Config, log: list[dict[str, Any]], out: Path) -> dict[str, Any]:
    return run(questions, write(out / "events.jsonl", log), out)


@pytest.fixture(scope="module")
def tickets(report: dict[str, Any], out: Path) -> dict[str, list[dict[str, Any]]]:
    assert report["events"] > 500
    return {name: pq.read_table(out / "tickets" / f"{name}.parquet").to_pylist() for name in GOALS}


@pytest.fixture(scope="module")
def bench(questions: Config, log: list[dict[str, Any]]) -> Bench:
    bench = Bench(questions)
    bench.run(records(log), size=97)
    return bench


def millis(row: dict[str, Any], name: str) -> int:
    moment: datetime = row[name]
    return round(moment.timestamp() * 1000)


def test_tickets_are_those_of_the_engine_with_their_labels_and_features(
    tickets: dict[str, list[dict[str, Any]]], bench: Bench
) -> None:
    examples = [one for step in bench.steps for one in step.examples]
    for name, rows in tickets.items():
        expected = {
            (one.profile_id, one.t0): (one.label, dict(named_features(one.raw)))
            for one in examples
            if one.goal == name
        }
        labelled = [row for row in rows if row["label"] is not None]
        assert len(labelled) == len(expected) > 500
        for row in labelled:
            label, features = expected[row["profile_id"], millis(row, "t0")]
            assert row["label"] == label
            assert {n: row[n] for n in features} == features


def test_tickets_whose_window_is_still_open_have_no_label(
    tickets: dict[str, list[dict[str, Any]]], bench: Bench
) -> None:
    now = bench.partition.clock.now
    for rows in tickets.values():
        still_open = [row for row in rows if millis(row, "due") >= now]
        assert still_open
        assert all(row["label"] is None for row in still_open)
        assert all(row["label"] is not None for row in rows if millis(row, "due") < now)


def test_profiles_that_do_nothing_at_t0_have_tickets_too(
    tickets: dict[str, list[dict[str, Any]]],
) -> None:
    silent = [row for row in tickets["churn"] if row["event/basket/hours"] > 20]
    active = [row for row in tickets["churn"] if row["event/basket/hours"] < 2]
    assert len(silent) > 50
    assert len(active) > 50


def test_a_ticket_is_scored_only_with_labels_that_were_known_at_its_t0(
    tickets: dict[str, list[dict[str, Any]]],
) -> None:
    for name, rows in tickets.items():
        dues = np.sort([millis(row, "due") for row in rows if row["label"] is not None])
        for row in rows:
            known = int(np.searchsorted(dues, millis(row, "t0")))
            assert row["model_version"] <= known, name
        assert any(row["model_version"] > 100 for row in rows)


def test_positives_are_not_learned_before_their_window_has_closed(
    tickets: dict[str, list[dict[str, Any]]], questions: Config
) -> None:
    for name, rows in tickets.items():
        window = questions.goals[name].outcome.within
        first = min(millis(row, "t0") for row in rows)
        early = [row for row in rows if millis(row, "t0") <= first + window]
        assert len(early) > 20
        assert all(row["model_version"] == 0 for row in early)


def test_the_probability_of_a_ticket_is_what_the_model_of_the_time_says_of_its_features(
    tickets: dict[str, list[dict[str, Any]]], questions: Config, log: list[dict[str, Any]]
) -> None:
    """The same runs with a trainer of our own, published run by run."""
    bench = Bench(questions)
    trainers = trainers_of(questions)
    source = records(log)
    for at in range(0, len(log), LEAST_RUN):
        step = bench.step(source[at : at + LEAST_RUN])
        for name in {one.goal for one in step.examples}:
            trainers[name].learn([one for one in step.examples if one.goal == name])
            bench.engine.adopt(trainers[name].snapshot())
    said = {
        (one.goal, one.profile_id, one.t0): one.probability
        for step in bench.steps
        for one in step.examples
    }
    for name, rows in tickets.items():
        for row in rows:
            if row["label"] is not None:
                assert row["probability"] == said[name, row["profile_id"], millis(row, "t0")]


def test_the_evaluation_is_that_of_the_second_half_of_the_tickets_by_t0(
    report: dict[str, Any], tickets: dict[str, list[dict[str, Any]]]
) -> None:
    for name, rows in tickets.items():
        labelled = sorted(
            (row for row in rows if row["label"] is not None),
            key=lambda row: (row["t0"], row["profile_id"]),
        )
        half = labelled[len(labelled) // 2 :]
        p = np.array([row["probability"] for row in half])
        y = np.array([row["label"] for row in half])
        found = report["goals"][name]
        assert found["labelled"] == len(labelled)
        assert found["positives"] == sum(row["label"] for row in labelled)
        figures = found["evaluation"]
        assert figures["tickets"] == len(half)
        assert figures["auc"] == pytest.approx(roc_auc_score(y, p), abs=1e-3)
        assert figures["log_loss"] == pytest.approx(log_loss(y, p), rel=1e-6)
        assert figures["calibration_ratio"] == pytest.approx(p.sum() / y.sum(), rel=1e-6)


def test_the_baselines_are_judged_over_the_same_tickets(report: dict[str, Any]) -> None:
    for found in report["goals"].values():
        sizes = {found["baselines"][name]["tickets"] for name in ("base_rate", "recency")}
        assert sizes == {found["evaluation"]["tickets"]}
        assert 0.3 < found["baselines"]["base_rate"]["auc"] < 0.7
        assert found["evaluation"]["auc"] > found["baselines"]["recency"]["auc"] - 0.05


def test_a_log_sorted_by_profile_gives_the_same_figures(
    questions: Config, log: list[dict[str, Any]], report: dict[str, Any], tmp_path: Path
) -> None:
    shuffled = sorted(log, key=lambda one: (one["profile_id"], one["timestamp"]))
    again = run(questions, write(tmp_path / "events.jsonl", shuffled), tmp_path)
    for name, found in report["goals"].items():
        assert again["goals"][name]["labelled"] == found["labelled"]
        assert again["goals"][name]["positives"] == found["positives"]
        assert again["goals"][name]["evaluation"]["auc"] == pytest.approx(
            found["evaluation"]["auc"], abs=0.02
        )
    assert any("out of order" in note for note in again["notes"])


def test_one_time_far_in_the_future_is_refused_and_told(
    questions: Config, log: list[dict[str, Any]], report: dict[str, Any], tmp_path: Path
) -> None:
    liar = {**log[500], "event_id": "liar", "timestamp": START + 4000 * DAY}
    again = run(questions, write(tmp_path / "e.jsonl", [*log[:500], liar, *log[500:]]), tmp_path)
    assert again["refused"]["reasons"] == {"future": 1}
    assert again["refused"]["first"][0]["line"] == 501
    for name, found in report["goals"].items():
        for figure in ("tickets", "labelled", "positives"):
            assert again["goals"][name][figure] == found[figure]


def test_repeated_ids_are_counted_and_told(
    questions: Config, log: list[dict[str, Any]], tmp_path: Path
) -> None:
    again = run(questions, write(tmp_path / "events.jsonl", [*log[:300], *log[299:]]), tmp_path)
    assert again["file"]["repeated_ids"] == 1
    assert again["counts"]["duplicates"] == 1
    assert any("id of another" in note for note in again["notes"])


def test_a_profile_with_very_many_events_is_one_row(tmp_path: Path) -> None:
    questions = config({"churn": goal()})
    events = [
        {"event_id": str(n), "profile_id": "p", "timestamp": START + n * 1000, "type": "basket"}
        for n in range(20_000)
    ]
    found = run(questions, write(tmp_path / "events.jsonl", events), tmp_path)
    assert found["events"] == 20_000
    assert found["profiles"] == 1
    assert found["goals"]["churn"]["tickets"] <= 20_000_000 // (24 * HOUR) + 2


def test_models_that_learn_in_waves_are_judged_all_the_same(tmp_path: Path) -> None:
    """A model may stay the latest for many windows while nothing is learned."""
    coupon = {"will": {"where": BASKET}, "within": "1d"}
    questions = config({"campaign": goal(outcome=coupon, tickets={"at": COUPON})})
    waves = [
        event(f"p{number}", START + wave * 20 * DAY + number * HOUR // 4, "coupon")
        for wave in range(8)
        for number in range(60)
    ]
    between = [one for one in habits(profiles=10, days=160) if one["type"] == "basket"]
    log = sorted([*waves, *between], key=lambda one: one["timestamp"])
    found = run(questions, write(tmp_path / "events.jsonl", log), tmp_path)
    assert found["goals"]["campaign"]["evaluation"]["tickets"] > 200
