"""The Grafana dashboards: operations and models."""

from __future__ import annotations

from streams.reference.panels import Page, Panel, render

WORKER = ("worker", "Worker", 'label_values(up{job="penchant"}, instance)')
GOAL = ("goal", "Goal", "label_values(penchant_goal_status, goal)")
OF = '{instance=~"$worker"}'
OF_GOAL = '{instance=~"$worker", goal=~"$goal"}'

OPERATIONS = Page(
    name="operations",
    title="Penchant: operations",
    about="Traffic, latency, saturation and errors of the workers.",
    variables=[WORKER],
    rows=[
        (
            "Traffic",
            [
                Panel(
                    "Events", "Source records by what became of them.",
                    [(f"sum by (result) (rate(penchant_events_total{OF}[1m]))", "{{result}}")],
                    "eps", "stack",
                ),
                Panel(
                    "Scores", "Scores sent, and scores withdrawn from those no longer eligible.",
                    [
                        (f"sum(rate(penchant_scores_total{OF}[1m]))", "sent"),
                        (f"sum(rate(penchant_scores_withdrawn_total{OF}[1m]))", "withdrawn"),
                    ],
                    "eps",
                ),
                Panel(
                    "Lag", "Records of a source partition that are waiting.",
                    [(f"sum by (topic) (penchant_lag_records{OF})", "{{topic}}")],
                ),
            ],
        ),
    ],
)  # fmt: skip


def operations() -> str:
    """The dashboard of operations."""
    return render(OPERATIONS)
