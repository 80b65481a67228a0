"""Metrics: what is declared keeps to the conventions, and what is counted is shown."""

from __future__ import annotations

import re

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from models.learning.school import portrait_of
from models.poison import CRASH_KEY, Crashes
from models.scoring.ranks import Ranks
from models.scoring.roster import GOALS_KEY, Roster
from models.step import PlainRecord
from streams.meters import Described, Meters
from streams.metrics import Metrics
from streams.reference.metrics import metrics_reference
from tests.support.factories import START, Bench, config, habits, records, snapshot, trained

DESCRIBED = Metrics(CollectorRegistry()).described
#: What a series may be told apart by: each takes few values.
LABELS = {"bound",
    "result", "reason", "topic", "partition", "phase", "goal", "label", "band", "factor", "status",
    "span", "version", "guarantee", "python",
}  # fmt: skip
#: Base units, as Prometheus names them.
UNITS = {"seconds", "bytes", "records", "ratio"}


def shown(metrics: Metrics) -> dict[str, float]:
    """Name and label values -> value."""
    text = generate_latest(metrics.registry).decode()
    return {
        "/".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize("one", DESCRIBED, ids=lambda one: one.name)
def test_names_keep_to_the_conventions(one: Described) -> None:
    assert re.fullmatch(r"penchant_[a-z_]+", one.name)
    assert one.name.endswith("_total") == (one.type == "counter")
    assert one.name.endswith("_info") == (one.type == "info")
    stem = one.name.removesuffix("_total")
    assert any(stem.endswith(f"_{unit}") for unit in UNITS) == bool(one.unit)
    if one.unit:
        assert one.unit in UNITS
        assert stem.endswith(f"_{one.unit}")


@pytest.mark.parametrize("one", DESCRIBED, ids=lambda one: one.name)
def test_labels_take_few_values(one: Described) -> None:
    assert set(one.labels) <= LABELS


def test_the_reference_says_of_every_label_what_its_values_are() -> None:
    before_the_table = metrics_reference().partition("| metric |")[0]
    assert [name for name in sorted(LABELS) if f"`{name}`" not in before_the_table] == []


@pytest.mark.parametrize("one", DESCRIBED, ids=lambda one: one.name)
def test_every_metric_is_in_the_reference_with_what_it_means(one: Described) -> None:
    row = next(line for line in metrics_reference().splitlines() if f"| `{one.name}` |" in line)
    assert one.about in row
    assert all(f"`{label}`" in row for label in one.labels)
    assert one.about[0].isupper() or one.about[0].isdigit()
    assert not one.about.endswith(".")


def test_a_spread_counts_what_a_histogram_counts() -> None:
    values = np.array([0.0, 1.0, 1.5, 2.0, 9.0])
    meters = Meters(CollectorRegistry())
    meters.spread("many_seconds", "Many", buckets=(1.0, 2.0), unit="seconds").observe_many(values)
    plain = meters.histogram("one_seconds", "One", buckets=(1.0, 2.0), unit="seconds")
    for value in values:
        plain.observe(value)
    families = text_string_to_metric_families(generate_latest(meters.registry).decode())
    found = {
        (one.name.removeprefix("penchant_"), *one.labels.values()): one.value
        for family in families for one in family.samples if "created" not in one.name
    }  # fmt: skip
    for name in ("bucket", "count", "sum"):
        many = {key[1:]: value for key, value in found.items() if key[0] == f"many_seconds_{name}"}
        one = {key[1:]: value for key, value in found.items() if key[0] == f"one_seconds_{name}"}
        assert many == one
        assert many


def test_latency_is_from_the_kafka_timestamp_to_the_commit() -> None:
    metrics = Metrics(CollectorRegistry())
    stamps = (1_000_000, 1_007_000, 1_012_000, None)
    run = [PlainRecord(b"p", b"{}", offset, stamp) for offset, stamp in enumerate(stamps)]
    metrics.count_run(3, run, now=1_010.0)
    found = shown(metrics)
    assert found["penchant_event_to_score_seconds_count"] == 3  # one has no timestamp
    assert found["penchant_event_to_score_seconds_sum"] == 13.0
    assert found["penchant_clock_ahead_seconds/3"] == 2.0
    assert found["penchant_run_records_sum"] == 4


def test_tickets_are_counted_by_goal_and_label() -> None:
    bench = Bench(config())
    metrics = Metrics(CollectorRegistry())
    for step in bench.run(records(habits(profiles=20, days=12))):
        metrics.count_step(step)
    metrics.show_partition(bench.partition)
    found = shown(metrics)
    examples = [one for step in bench.steps for one in step.examples]
    for label in (0, 1):
        closed = sum(one.label == label for one in examples)
        assert found[f"penchant_tickets_closed_total/churn/{label}"] == closed > 0
    assert found["penchant_tickets_opened_total"] > len(examples)
    assert found["penchant_profiles/0"] == 20
    assert found["penchant_tickets_waiting/0"] == (
        found["penchant_tickets_opened_total"] - len(examples)
    )
    assert found["penchant_clock_timestamp_seconds/0"] > START / 1000


def test_rows_that_are_not_profiles_are_not_shown_as_such() -> None:
    metrics = Metrics(CollectorRegistry())
    bench = Bench(config())
    metrics.show_partition(bench.partition)
    assert shown(metrics)["penchant_profiles/0"] == 0
    bench.run(records(habits(profiles=20, days=2)))
    bench.partition.profiles[CRASH_KEY] = Crashes(1, 2, 1).pack()
    bench.partition.profiles[GOALS_KEY] = Roster({7: "churn"}).pack()
    assert shown(metrics)["penchant_profiles/0"] == 20


def test_a_partition_that_has_left_is_shown_no_longer() -> None:
    metrics = Metrics(CollectorRegistry())
    bench = Bench(config())
    metrics.show_partition(bench.partition)
    metrics.forget_partition(0)
    assert not [
        name for name in shown(metrics) if name.startswith("penchant_") and name.endswith("/0")
    ]
    metrics.forget_partition(7)  # of which nothing was ever shown


def test_bands_hold_every_score_once() -> None:
    ranks = Ranks()
    metrics = Metrics(CollectorRegistry())
    metrics.show_ranks("churn", ranks)
    ranks.replace([], [0.0, 9.9, 10.0, 55.0, 99.9, 100.0])
    found = shown(metrics)
    bands = {band: found[f"penchant_scored_profiles/{band}/churn"] for band in range(0, 100, 10)}
    assert bands == {0: 2, 10: 1, 20: 0, 30: 0, 40: 0, 50: 1, 60: 0, 70: 0, 80: 0, 90: 2}


def test_a_trainer_is_shown_with_its_quality_by_span_and_forgotten_as_a_whole() -> None:
    bench = Bench(config())
    bench.run(records(habits(profiles=20, days=12)))
    trainer = trained(bench.engine.config, "churn", bench.steps)
    metrics = Metrics(CollectorRegistry())
    metrics.show_trainer(portrait_of(trainer))
    found = shown(metrics)
    assert found[f"penchant_goal_status/churn/{trainer.readiness.status}"] == 1
    assert sum(v for name, v in found.items() if name.startswith("penchant_goal_status/")) == 1
    for span, tally in trainer.quality.spans().items():
        assert found[f"penchant_quality_labels/churn/{span}"] == tally.labels
    assert np.isnan(found["penchant_auc/churn/all"])  # nobody had said anything yet
    assert found["penchant_model_features/churn"] == len(trainer.model.features.layout.features)
    metrics.forget_goal("churn")
    assert not [name for name in shown(metrics) if "/churn" in name]


def test_the_weight_of_a_factor_is_that_of_its_features() -> None:
    bench = Bench(config())
    bench.run(records(habits(profiles=20, days=12)))
    made = snapshot(trained(bench.engine.config, "churn", bench.steps))
    bench.engine.adopt(made)
    scorer = bench.engine.board.scorer(bench.engine.compiled.goals[0])
    assert scorer is not None
    metrics = Metrics(CollectorRegistry())
    metrics.show_scorer(scorer, published=12.5)
    found = shown(metrics)
    weights = {name: v for name, v in found.items() if name.startswith("penchant_factor_weight/")}
    assert len(weights) == len(scorer.factors.names)
    assert sum(weights.values()) == pytest.approx(np.abs(made.weights[1:]).sum())
    assert found["penchant_model_version/churn"] == made.version
    assert found["penchant_model_published_timestamp_seconds/churn"] == 12.5
