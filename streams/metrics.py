"""Metrics: every name declared once; the registry is an argument, so that tests stand alone."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from models.learning.readiness import Readiness
from models.partition import Partition
from models.quality.tally import Tally
from models.step import Step

STATUSES = ("collecting", "warming", "ready", "degraded")
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
#: What a step counts, as the result label of ``penchant_events_total``.
RESULTS = ("applied", "duplicates", "excluded", "refused", "replayed", "erased")


class Metrics:
    """All metrics of a worker.

    Parameters
    ----------
    registry
        Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.events = Counter(
            "penchant_events", "Source records by what became of them", ["result"],
            registry=registry,
        )  # fmt: skip
        self.late = Counter(
            "penchant_late_events", "Applied events that the clock had passed", registry=registry
        )
        self.refused = Counter(
            "penchant_dead_letters", "Refused records by reason", ["reason"], registry=registry
        )
        self.scores = Counter("penchant_scores", "Scores sent", registry=registry)
        self.withdrawn = Counter(
            "penchant_scores_withdrawn", "Scores withdrawn: no longer eligible", registry=registry
        )
        self.bounded = Counter(
            "penchant_bounded_events", "Applied events that met a bound of their profile or the "
            "clock: a type counted under other, a time too far ahead to be believed", ["bound"],
            registry=registry,
        )  # fmt: skip
        self.expired = Counter(
            "penchant_profiles_expired", "Profiles erased after profiles.expire_after",
            registry=registry,
        )  # fmt: skip
        self.tickets = Counter(
            "penchant_tickets", "Tickets by what happened to them", ["event"], registry=registry
        )
        self.profiles = Gauge(
            "penchant_profiles", "Profiles held, by partition", ["partition"], registry=registry
        )
        self.open_tickets = Gauge(
            "penchant_tickets_open", "Tickets held, by partition", ["partition"], registry=registry
        )
        self.clock = Gauge(
            "penchant_clock_seconds", "Event time of a partition's clock", ["partition"],
            registry=registry,
        )  # fmt: skip
        self.lag = Gauge(
            "penchant_lag_records", "Records of a source partition not yet handed over",
            ["topic", "partition"], registry=registry,
        )  # fmt: skip
        self.step_seconds = Histogram(
            "penchant_step_seconds", "Time of a run by phase", ["phase"], buckets=SECONDS,
            registry=registry,
        )  # fmt: skip
        self.learned = Counter(
            "penchant_examples", "Examples by what became of them", ["goal", "result"],
            registry=registry,
        )  # fmt: skip
        self.model_version = Gauge(
            "penchant_model_version", "Version of the snapshot scored with", ["goal"],
            registry=registry,
        )  # fmt: skip
        self.snapshots_refused = Counter(
            "penchant_snapshots_refused", "Snapshots not fit to score with", registry=registry
        )
        self.status = Gauge(
            "penchant_goal_status", "1 for the status that a goal is in", ["goal", "status"],
            registry=registry,
        )  # fmt: skip
        self.auc = Gauge(
            "penchant_auc", "Prequential AUC over all matured tickets", ["goal"], registry=registry
        )
        self.calibration = Gauge(
            "penchant_calibration_ratio", "Expected positives over those that came", ["goal"],
            registry=registry,
        )  # fmt: skip
        self.log_loss = Gauge(
            "penchant_log_loss", "Mean surprise per matured ticket, nats", ["goal"],
            registry=registry,
        )  # fmt: skip

    def count_step(self, step: Step) -> None:
        """Count what a step did."""
        counts = step.counts
        for result in RESULTS:
            if counts[result]:
                self.events.labels(result).inc(counts[result])
        for refusal in step.refused:
            self.refused.labels(refusal.reason).inc()
        for event in ("opened", "closed_0", "closed_1", "reversed"):
            if counts[event]:
                self.tickets.labels(event).inc(counts[event])
        for bound in ("pooled", "unbelieved"):
            if counts[bound]:
                self.bounded.labels(bound).inc(counts[bound])
        self.expired.inc(counts["expired"])
        self.late.inc(counts["late"])
        self.scores.inc(counts["scores"])
        self.withdrawn.inc(counts["withdrawn"])

    def show_partition(self, partition: Partition) -> None:
        """Show what a partition holds."""
        number = str(partition.number)
        self.profiles.labels(number).set(max(len(partition.profiles) - 1, 0))
        self.open_tickets.labels(number).set(len(partition.tickets))
        self.clock.labels(number).set(max(partition.clock.now, 0) / 1000)

    def forget_partition(self, number: int) -> None:
        """Show a partition no longer."""
        for gauge in (self.profiles, self.open_tickets, self.clock):
            gauge.remove(str(number))

    def show_goal(self, goal: str, readiness: Readiness, quality: Tally) -> None:
        """Show how far a goal is and how good its probabilities have been."""
        for status in STATUSES:
            self.status.labels(goal, status).set(status == readiness.status)
        if quality.auc is not None:
            self.auc.labels(goal).set(quality.auc)
        if quality.calibration_ratio is not None:
            self.calibration.labels(goal).set(quality.calibration_ratio)
        if quality.labels:
            self.log_loss.labels(goal).set(quality.log_loss)
