"""Metrics: every name declared once; the registry is an argument, so that tests stand alone.

Labels take few values: goals, partitions, codes of ours. Never a profile, an event, a key.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import numpy as np
from prometheus_client import CollectorRegistry, Gauge, GCCollector, ProcessCollector

from models.learning.school import Portrait
from models.partition import Partition
from models.poison import POISON
from models.quality.insight import QualityRecord
from models.scoring.ranks import Ranks
from models.scoring.scorer import Scorer
from models.step import Record, Refusal, Step
from streams.meters import Meters

STATUSES = ("collecting", "warming", "ready", "degraded")
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
#: From an event to its score: a promise within a second, and a backlog of hours.
LATENCIES = (*SECONDS[2:], 30.0, 60.0, 300.0, 3_600.0)
RECORDS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)
#: What a step counts, as the result label of ``penchant_events_total``.
RESULTS = ("applied", "duplicates", "excluded", "refused", "replayed", "erased")
#: Bounds that applied events meet, as a step counts them.
BOUNDS = ("pooled", "unbelieved")
#: Bands of the latest scores, ten points wide.
BANDS = 10


class Metrics(Meters):
    """All metrics of a worker.

    Parameters
    ----------
    registry
        Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self._declare_flow()
        self._declare_state()
        self._declare_scoring()
        self._declare_training()
        self._declare_worker()

    def _declare_flow(self) -> None:
        self.events = self.counter("events", "Source records by what became of them", "result")
        self.late = self.counter("late_events", "Applied events that the clock had passed")
        self.refused = self.counter("dead_letters", "Refused records by reason", "reason")
        self.lost = self.counter(
            "records_lost", "Offsets of a source that retention deleted before they were read",
            "topic",
        )  # fmt: skip
        self.lag = self.gauge(
            "lag_records", "Records of a source partition that are not done with",
            "topic", "partition", unit="records",
        )  # fmt: skip
        self.latency = self.spread(
            "event_to_score_seconds",
            "From the Kafka timestamp of a record to its scores being committed",
            buckets=LATENCIES, unit="seconds",
        )  # fmt: skip
        self.run_records = self.spread(
            "run_records", "Records in a run", buckets=RECORDS, unit="records"
        )
        self.step_seconds = self.histogram(
            "step_seconds", "Time of a run of events by phase: compute, encode, commit", "phase",
            buckets=SECONDS, unit="seconds",
        )  # fmt: skip
        self.stalled = self.gauge(
            "stalled_seconds", "How long the partition that waits longest has not got on",
            "topic", unit="seconds",
        )  # fmt: skip
        self.ahead = self.gauge(
            "clock_ahead_seconds",
            "How far the Kafka timestamp of a partition's newest record was ahead of this worker",
            "partition", unit="seconds",
        )  # fmt: skip

    def _declare_state(self) -> None:
        self.profiles = self.gauge("profiles", "Profiles held", "partition")
        self.open_tickets = self.gauge("tickets_open", "Tickets held", "partition")
        self.waiting = self.gauge(
            "tickets_waiting", "Tickets held whose window has not ended", "partition"
        )
        self.clock = self.gauge(
            "clock_timestamp_seconds", "Event time that a partition's clock shows", "partition",
            unit="seconds",
        )  # fmt: skip
        self.opened = self.counter("tickets_opened", "Tickets opened")
        self.closed = self.counter("tickets_closed", "Tickets closed by label", "goal", "label")
        self.reversed = self.counter(
            "tickets_reversed", "Closed tickets whose label a late event has turned", "goal"
        )

        self.bounded = self.counter(
            "bounded_events", "Applied events that met a bound: a type counted under other, a time "
            "too far ahead to be believed", "bound",
        )  # fmt: skip
        self.expired = self.counter(
            "profiles_expired", "Profiles erased after profiles.expire_after"
        )

    def _declare_scoring(self) -> None:
        self.scores = self.counter("scores", "Scores sent")
        self.withdrawn = self.counter(
            "scores_withdrawn", "Scores withdrawn: no longer eligible, or of a goal that is no more"
        )
        self.bands = self.gauge(
            "scored_profiles", "Profiles whose latest score is in a band of ten points, by its "
            "lower end", "goal", "band",
        )  # fmt: skip
        self.model_version = self.gauge(
            "model_version", "Version of the snapshot scored with", "goal"
        )
        self.published = self.gauge(
            "model_published_timestamp_seconds", "When the snapshot scored with was published",
            "goal", unit="seconds",
        )  # fmt: skip
        self.factors = self.gauge(
            "factor_weight", "Sum of the absolute weights of a factor in the snapshot scored with",
            "goal", "factor",
        )  # fmt: skip
        self.snapshots_refused = self.counter(
            "snapshots_refused", "Snapshots not fit to score with"
        )

    def _declare_training(self) -> None:
        self.learned = self.counter("examples", "Examples by what became of them", "goal", "result")
        self.training_seconds = self.histogram(
            "training_seconds", "Time of the trainers by phase: learn, save", "phase",
            buckets=SECONDS, unit="seconds",
        )  # fmt: skip
        self.learned_until = self.gauge(
            "learned_until_timestamp_seconds", "Event time: end of the latest window learned",
            "goal", unit="seconds",
        )  # fmt: skip
        self.status = self.gauge(
            "goal_status", "1 for the status that a goal is in", "goal", "status"
        )
        self.auc = self.gauge("auc", "Prequential AUC of matured tickets", "goal", "span")
        self.calibration = self.gauge(
            "calibration_ratio", "Expected positives over those that came", "goal", "span",
            unit="ratio",
        )  # fmt: skip
        self.log_loss = self.gauge(
            "log_loss", "Mean surprise per matured ticket, nats", "goal", "span"
        )
        self.entropy = self.gauge(
            "normalized_entropy", "Log loss over that of always saying the base rate",
            "goal", "span",
        )  # fmt: skip
        self.base_rate = self.gauge("base_rate", "Share of positives", "goal", "span")
        self.labels = self.gauge(
            "quality_labels", "Matured tickets that the quality is about", "goal", "span"
        )
        self.features = self.gauge("model_features", "Features that a model knows", "goal")
        self.unknown = self.gauge(
            "model_unknown_features", "Sources, numbers and texts of attributes seen lately that "
            "have no feature of their own", "goal",
        )  # fmt: skip

    def _declare_worker(self) -> None:
        self.worker = self.info("worker", "What runs", "version", "guarantee", "python")
        self.ready = self.gauge("ready", "1 when recovered and not rebalancing")
        self.recovering = self.gauge("recovering", "1 while tables are read from their changelogs")
        self.recovery_left = self.gauge(
            "recovery_remaining_records", "Changelog records that recovery has still to read",
            unit="records",
        )  # fmt: skip
        self.recovery_seconds = self.gauge(
            "recovery_seconds", "Time of the recovery under way, or of the last", unit="seconds"
        )
        self.rebalances = self.counter("rebalances", "Times that partitions were taken away")
        self.assigned = self.gauge("partitions_assigned", "Source partitions held", "topic")
        self.memory_limit = self.gauge(
            "memory_limit_bytes", "Memory that this process may use, with all beside it",
            unit="bytes",
        )  # fmt: skip
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def show_trainers_process(self, pid: Callable[[], int | None]) -> None:
        """Show what the trainers' process takes, where there is one."""
        ProcessCollector("penchant_trainers", lambda: pid() or "none", registry=self.registry)

    def expect(self, goals: Iterable[str]) -> None:
        """Start counters at nothing: a rate sees only what grows from a sample to the next."""
        for result in RESULTS:
            self.events.labels(result)
        self.refused.labels(POISON)
        for bound in BOUNDS:
            self.bounded.labels(bound)
        for goal in goals:
            self.reversed.labels(goal)
            for label in ("0", "1"):
                self.closed.labels(goal, label)
            for outcome in ("learned", "repeated"):
                self.learned.labels(goal, outcome)

    # -- runs of events ----------------------------------------------------------------------

    def count_step(self, step: Step) -> None:
        """Count what a step did."""
        counts = step.counts
        for result in RESULTS:
            if counts[result]:
                self.events.labels(result).inc(counts[result])
        for refusal in step.refused:
            self.refused.labels(refusal.reason).inc()
        closed = Counts((one.goal, one.label, one.kind) for one in step.examples)
        for (goal, label, kind), count in closed.items():
            if kind == "reversal":
                self.reversed.labels(goal).inc(count)
            else:
                self.closed.labels(goal, str(label)).inc(count)
        self.opened.inc(counts["opened"])
        for bound in BOUNDS:
            if counts[bound]:
                self.bounded.labels(bound).inc(counts[bound])
        self.expired.inc(counts["expired"])
        self.late.inc(counts["late"])
        self.scores.inc(counts["scores"])
        self.withdrawn.inc(counts["withdrawn"])

    def count_lessons(
        self, results: Mapping[tuple[str, str], int], refused: Iterable[Refusal]
    ) -> None:
        """Count examples by goal and what became of them, and those that are none."""
        for (goal, result), count in results.items():
            self.learned.labels(goal, result).inc(count)
        for refusal in refused:
            self.refused.labels(refusal.reason).inc()

    def count_run(self, partition: int, records: Sequence[Record], now: float) -> None:
        """Count a run of records, and how long they waited until ``now``."""
        stamps = np.array([one.timestamp or 0 for one in records], dtype=np.float64) / 1000
        stamped = stamps[stamps > 0]
        self.run_records.observe_many(np.array([len(records)], dtype=np.float64))
        if stamped.size:
            self.latency.observe_many(np.maximum(now - stamped, 0.0))
            self.ahead.labels(str(partition)).set(max(float(stamped[-1]) - now, 0.0))

    def show_partition(self, partition: Partition) -> None:
        """Show what a partition holds, from now on and at any time."""
        number = str(partition.number)
        shown: dict[Gauge, Callable[[], float]] = {
            self.profiles: lambda: partition.held,
            self.open_tickets: lambda: len(partition.tickets),
            self.waiting: lambda: len(partition.closings),
            self.clock: lambda: max(partition.clock.now, 0) / 1000,
        }
        for gauge, value in shown.items():
            gauge.labels(number).set_function(value)

    def forget_partition(self, number: int) -> None:
        """Show a partition no longer."""
        for gauge in (self.profiles, self.open_tickets, self.waiting, self.clock, self.ahead):
            gauge.remove(str(number))

    # -- models ------------------------------------------------------------------------------

    def show_ranks(self, goal: str, ranks: Ranks) -> None:
        """Show how the latest scores of a goal spread, from now on and at any time."""
        width = len(ranks.counts) // BANDS
        for band in range(BANDS):
            part = slice(band * width, (band + 1) * width)
            self.bands.labels(goal, str(band * 10)).set_function(partial(_count_in, ranks, part))

    def show_scorer(self, scorer: Scorer, published: float) -> None:
        """Show which snapshot is scored with, and when it was published."""
        snapshot, model = scorer.snapshot, scorer.model
        self.model_version.labels(snapshot.goal).set(snapshot.version)
        self.published.labels(snapshot.goal).set(published)
        sizes = np.add(*model.by_feature(np.abs(model.weights)))
        for name, size in zip(scorer.factors.names, sizes @ scorer.factors.members, strict=True):
            self.factors.labels(snapshot.goal, name).set(size)

    def show_trainer(self, portrait: Portrait) -> None:
        """Show how far a goal is, how good its probabilities have been, and what it knows."""
        insight = portrait.insight
        goal = insight.goal
        for status in STATUSES:
            self.status.labels(goal, status).set(status == insight.status)
        for span, quality in insight.quality.items():
            self.show_quality(goal, span, quality)
        self.learned_until.labels(goal).set(portrait.learned_until / 1000)
        self.features.labels(goal).set(portrait.features)
        self.unknown.labels(goal).set(portrait.unknown)

    def show_quality(self, goal: str, span: str, quality: QualityRecord) -> None:
        """Show how good probabilities have been; what cannot be said is shown as not a number."""
        for gauge, value in (
            (self.auc, quality.auc),
            (self.calibration, quality.calibration_ratio),
            (self.log_loss, quality.log_loss),
            (self.entropy, quality.normalized_entropy),
            (self.base_rate, quality.base_rate),
            (self.labels, quality.tickets),
        ):
            gauge.labels(goal, span).set(float("nan") if value is None else value)

    def forget_goal(self, goal: str) -> None:
        """Show no longer what the trainer of a goal has to say: another worker has it now."""
        for gauge in (
            self.auc,
            self.calibration,
            self.log_loss,
            self.entropy,
            self.base_rate,
            self.labels,
            self.status,
            self.learned_until,
            self.features,
            self.unknown,
        ):
            gauge.remove_by_labels({"goal": goal})


def _count_in(ranks: Ranks, part: slice) -> float:
    return float(ranks.counts[part].sum())
