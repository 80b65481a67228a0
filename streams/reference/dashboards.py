"""The Grafana dashboards: operations (traffic, latency, saturation, errors) and models."""

from __future__ import annotations

from streams.reference.panels import Page, Panel, Query, render

WORKER = ("worker", "Worker", "label_values(penchant_ready, instance)")
GOAL = ("goal", "Goal", "label_values(penchant_tickets_closed_total, goal)")


def _of(metric: str, *more: str) -> str:
    """A metric of the chosen workers."""
    return metric + "{" + ", ".join(('instance=~"$worker"', *more)) + "}"


def _goal(metric: str, *more: str) -> str:
    """A metric of the chosen goals, whichever worker has it."""
    return metric + "{" + ", ".join(('goal=~"$goal"', *more)) + "}"


def _rate(metric: str, by: str, *more: str) -> str:
    return f"sum by ({by}) (rate({_of(metric, *more)}[$__rate_interval]))"


def _quantiles(metric: str) -> list[Query]:
    per_bucket = f"sum by (le) (rate({_of(metric + '_bucket')}[$__rate_interval]))"
    return [
        (f"histogram_quantile({share}, {per_bucket})", f"{share:.0%}")
        for share in (0.5, 0.95, 0.99)
    ]


def _newest(metric: str, *more: str) -> str:
    """What the one worker says that has a goal's trainer."""
    return f"max by (goal) ({_goal(metric, *more)})"


def _spans(metric: str) -> list[Query]:
    return [(f"max by (goal, span) ({_goal(metric)})", "{{goal}} {{span}}")]


GLANCE = [
    Panel("Workers", "That answer Prometheus.",
          [('sum(up{job="penchant"})', "")], kind="number", width=4),
    Panel("Alerts", "That fire now.",
          [('count(ALERTS{alertname=~"Penchant.*", alertstate="firing"}) or vector(0)', "")],
          kind="number", bounds=(1, 2), width=4),
    Panel("Events", "A second.",
          [(f"sum(rate({_of('penchant_events_total')}[$__rate_interval]))", "")], "eps",
          "number", width=4),
    Panel("Waiting", "Records of the source topics that are not done with.",
          [(f"sum({_of('penchant_lag_records')})", "")], kind="number",
          bounds=(10_000, 100_000), width=4),
    Panel("Score follows event", "Within this time for 95 in 100 events of five minutes.",
          [("job:penchant_event_to_score_seconds:p95_5m", "")], "s", "number",
          bounds=(1, 5), width=4),
    Panel("Refused", "Share of the records of five minutes.",
          [("job:penchant_refused:ratio_rate5m", "")], "percentunit", "number",
          bounds=(0.001, 0.01), width=4),
]  # fmt: skip
TRAFFIC = [
    Panel("Events by result", "What became of the records of the events topic.",
          [(_rate("penchant_events_total", "result"), "{{result}}")], "eps", "stack"),
    Panel("Scores", "Sent, and withdrawn from profiles that are no longer eligible.",
          [(_rate("penchant_scores_total", "instance"), "sent {{instance}}"),
           (_rate("penchant_scores_withdrawn_total", "instance"), "withdrawn {{instance}}")],
          "eps", "stack"),
    Panel("Records in a run", "Small runs: no backlog. Large ones: catching up.",
          _quantiles("penchant_run_records")),
]  # fmt: skip
LATENCY = [
    Panel("From event to score", "From a record's Kafka timestamp to its scores committed.",
          _quantiles("penchant_event_to_score_seconds"), "s"),
    Panel("Run by phase", "Mean time of a run: compute is us, commit is the broker.",
          [(f"{_rate('penchant_step_seconds_sum', 'phase')} / "
            f"{_rate('penchant_step_seconds_count', 'phase')}", "{{phase}}")], "s", "stack"),
    Panel("Event time behind the clock", "Of the partition furthest behind. Grows where nothing "
          "comes; large while old events are replayed.",
          [(f"max by (instance) (time() - ({_of('penchant_clock_timestamp_seconds')} > 0))",
            "{{instance}}")], "s"),
]  # fmt: skip
SATURATION = [
    Panel("Waiting by topic", "Records that are not done with.",
          [("topic:penchant_lag_records:sum", "{{topic}}")]),
    Panel("Waiting by partition", "The five with the most: one far ahead is a skewed key.",
          [(f"topk(5, {_of('penchant_lag_records')})", "{{topic}} {{partition}}")]),
    Panel("Memory", "Of what a worker may use.",
          [(_of("instance:penchant_memory:ratio"), "{{instance}}")], "percentunit",
          bounds=(0, 1)),
    Panel("CPU", "A worker uses one core at most, its trainers a part of another.",
          [(f"rate({_of('process_cpu_seconds_total')}[$__rate_interval])", "{{instance}}"),
           (f"rate({_of('penchant_trainers_process_cpu_seconds_total')}[$__rate_interval])",
            "{{instance}} trainers")], "percentunit", bounds=(0, 1)),
    Panel("Profiles", "Held, by worker.",
          [(f"sum by (instance) ({_of('penchant_profiles')})", "{{instance}}")], kind="stack"),
    Panel("Tickets", "Held: their window has not ended, or a late event may still turn them.",
          [(f"sum({_of('penchant_tickets_waiting')})", "waiting"),
           (f"sum({_of('penchant_tickets_open')})", "held")]),
]  # fmt: skip
ERRORS = [
    Panel("Refused records by reason", "They are in the dead-letter topic.",
          [(_rate("penchant_dead_letters_total", "reason"), "{{reason}}")], "eps", "stack"),
    Panel("Standing still", "Longest that a partition with records waiting has not got on.",
          [(f"max by (instance, topic) ({_of('penchant_stalled_seconds')})",
            "{{instance}} {{topic}}")], "s"),
    Panel("Gone unread", "Records that retention deleted before they were read, an hour.",
          [(f"sum by (topic) (increase({_of('penchant_records_lost_total')}[1h]))", "{{topic}}")]),
    Panel("Recovery", "Changelog records still to read.",
          [(f"sum by (instance) ({_of('penchant_recovery_remaining_records')})",
            "{{instance}}")]),
    Panel("Rebalances", "Times that partitions were taken away, a quarter of an hour.",
          [(f"increase({_of('penchant_rebalances_total')}[15m])", "{{instance}}")]),
    Panel("Partitions held", "By worker. Fewer in all than there are: nobody serves the rest.",
          [(f"sum by (instance, topic) ({_of('penchant_partitions_assigned')})",
            "{{instance}} {{topic}}")], kind="stack"),
    Panel("Late or out of bounds", "Applied all the same: behind the clock, pooled under other, or "
          "too far ahead to be believed.",
          [(f"sum(rate({_of('penchant_late_events_total')}[$__rate_interval]))", "late"),
           (_rate("penchant_bounded_events_total", "bound"), "{{bound}}")], "eps"),
    Panel("Versions", "That run, with their guarantee. Two only while workers are replaced.",
          [(f"count by (version, guarantee) ({_of('penchant_worker_info')})",
            "{{version}} {{guarantee}}")], kind="name"),
    Panel("Clocks ahead", "Of a worker's, by the newest records.",
          [(f"max by (instance) ({_of('penchant_clock_ahead_seconds')})", "{{instance}}")], "s"),
    Panel("Models refused", "Snapshots not fit to score with, a quarter of an hour.",
          [(f"increase({_of('penchant_snapshots_refused_total')}[15m])", "{{instance}}")]),
]  # fmt: skip

STATE = [
    Panel("Status", "Of each goal: collecting, warming, ready, degraded.",
          [(f"max by (goal, status) ({_goal('penchant_goal_status')}) == 1",
            "{{goal}}: {{status}}")], kind="name", width=6),
    Panel("Model", "Version of the snapshot that scorers have: labels learned.",
          [(_newest("penchant_model_version"), "{{goal}}")], kind="number", width=6),
    Panel("Age of the model", "Since the newest snapshot was published.",
          [(_goal("goal:penchant_model_age_seconds:min"), "{{goal}}")], "s", "number",
          bounds=(900, 3_600), width=6),
    Panel("Labels of the window", "Matured tickets that the quality is about; 500 say something.",
          [(_newest("penchant_quality_labels", 'span="window"'), "{{goal}}")], kind="number",
          bounds=(500, 100), width=6),
]  # fmt: skip
QUALITY = [
    Panel("AUC", "How often a positive was said to be likelier than a negative, before its "
          "label was known.", _spans("penchant_auc"), bounds=(0.5, 1)),
    Panel("Calibration", "Positives expected over those that came; 1 is right, and outside of "
          "0.8 to 1.25 an alert.", _spans("penchant_calibration_ratio"), bounds=(0.5, 1.5)),
    Panel("Normalised entropy", "Log loss over that of always saying the base rate; below 1 the "
          "model says something.", _spans("penchant_normalized_entropy"), bounds=(0.5, 1.1)),
    Panel("Log loss", "Mean surprise per label, in nats.", _spans("penchant_log_loss")),
    Panel("Base rate", "Share of positives.", _spans("penchant_base_rate"), "percentunit"),
    Panel("Labels", "By span.", _spans("penchant_quality_labels")),
]  # fmt: skip
DRIFT = [
    Panel("Scores", "Share of profiles by their latest score, in bands of ten. A shift without a "
          "shift of the base rate is drift.",
          [(f"sum by (band) ({_goal('penchant_scored_profiles')})", "{{band}}+")], kind="share",
          width=12),
    Panel("Factors", "Weight of the ten strongest in the model that is scored with.",
          [(f"topk(10, max by (goal, factor) ({_goal('penchant_factor_weight')}))",
            "{{goal}} {{factor}}")], width=12),
    Panel("Features", "That a model knows.",
          [(_newest("penchant_model_features"), "{{goal}}")]),
    Panel("Without a feature", "Sources and texts seen lately that are pooled or left out.",
          [(_newest("penchant_model_unknown_features"), "{{goal}}")]),
    Panel("Learned until", "Event time behind the clock of the partitions.",
          [(f"scalar(max(penchant_clock_timestamp_seconds)) - "
            f"({_newest('penchant_learned_until_timestamp_seconds')} > 0)", "{{goal}}")], "s"),
]  # fmt: skip
TICKETS = [
    Panel("Tickets opened", "Of all goals. None while events come: nobody is eligible.",
          [(f"sum(rate({_of('penchant_tickets_opened_total')}[$__rate_interval]))", "opened")],
          "eps"),
    Panel("Tickets closed", "By label.",
          [(f"sum by (goal, label) (rate({_goal('penchant_tickets_closed_total')}"
            "[$__rate_interval]))", "{{goal}} {{label}}")], "eps"),
    Panel("Examples", "By what became of them.",
          [(f"sum by (goal, result) (rate({_goal('penchant_examples_total')}"
            "[$__rate_interval]))", "{{goal}} {{result}}")], "eps"),
    Panel("Labels turned", "By late events, of all closed.",
          [(f"sum by (goal) (increase({_goal('penchant_tickets_reversed_total')}[1h]))",
            "{{goal}}")]),
    Panel("Training by phase", "Mean time: learn is us, save is the broker.",
          [(f"{_rate('penchant_training_seconds_sum', 'phase')} / "
            f"{_rate('penchant_training_seconds_count', 'phase')}",
            "{{phase}}")], "s"),
]  # fmt: skip

PAGES = {
    page.name: page
    for page in (
        Page(
            "operations", "Penchant: operations",
            "Traffic, latency, saturation and errors of the workers.", [WORKER],
            [("At a glance", GLANCE), ("Traffic", TRAFFIC), ("Latency", LATENCY),
             ("Saturation", SATURATION), ("Errors", ERRORS)],
        ),
        Page(
            "models", "Penchant: models",
            "Quality, calibration, drift and learning of each goal's model.", [GOAL, WORKER],
            [("State", STATE), ("Quality", QUALITY), ("Drift", DRIFT), ("Learning", TICKETS)],
        ),
    )
}  # fmt: skip


def operations() -> str:
    """The dashboard of operations."""
    return render(PAGES["operations"])


def models() -> str:
    """The dashboard of models."""
    return render(PAGES["models"])
