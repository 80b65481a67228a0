"""``penchant watch`` follows scores with their reasons in words."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from streams.cli.watch import line_of
from tests.streams.cli.running import invoke, place_of
from tests.support.cluster import Cluster


def score(goal: str = "churn", profile: str = "p1", **parts: Any) -> tuple[bytes, bytes]:
    """A record of the scores topic."""
    value = {
        "goal": goal, "profile_id": profile, "timestamp": "2026-01-02T10:00:00.000Z",
        "probability": 0.25, "score": 81.0, "percentile": 93, "bucket": "high",
        "propensity": "churn", "status": "ready",
        "factors": [
            {"factor": "rhythm", "text": "overdue by 3 days", "contribution": 1.2},
            {"factor": "basket", "text": "4 baskets [a month]", "contribution": -0.4},
        ],
    } | parts  # fmt: skip
    return f"{goal}/{profile}".encode(), orjson.dumps(value)


def test_a_score_is_told_in_a_line_with_its_reasons() -> None:
    key, value = score()
    line = line_of(key.decode(), value)
    assert "2026-01-02T10:00 p1 [bold]churn[/] [red]81 high[/] p=0.250 percentile 93" in line
    assert r"+ overdue by 3 days; - 4 baskets \[a month]" in line
    assert line_of("churn/p1", b"") == "[dim]churn/p1: withdrawn[/]"


@pytest.mark.embedded
def test_scores_are_followed_by_goal_and_profile(embedded: Cluster) -> None:
    embedded.send(
        [score("churn", "p1"), score("coupon", "p1"), score("churn", "p2"),
         score("churn", "p1", score=20.0, bucket="low")],
        embedded.topics.scores,
    )  # fmt: skip
    ended = invoke("watch", "--from-start", "--count", "2", "--goal", "churn", "--profile", "p1",
                   **place_of(embedded))  # fmt: skip
    assert ended.code == 0
    first, second = ended.out.splitlines()
    assert "p1 churn 81 high" in first
    assert "+ overdue by 3 days; - 4 baskets [a month]" in first
    assert "p1 churn 20 low" in second


@pytest.mark.embedded
def test_records_are_shown_as_they_are(embedded: Cluster) -> None:
    sent = [score("churn", f"p{number}") for number in range(6)]
    embedded.send(sent, embedded.topics.scores)
    ended = invoke("watch", "--from-start", "--count", "6", "--json", **place_of(embedded))
    assert ended.code == 0
    assert sorted(ended.out.encode().splitlines()) == sorted(value for _, value in sent)


@pytest.mark.embedded
def test_scores_of_a_topic_that_is_not_there_are_not_waited_for(embedded: Cluster) -> None:
    place = place_of(embedded) | {"prefix": embedded.settings.prefix + "nowhere"}
    ended = invoke("watch", **place)
    assert ended.code == 1
    assert "missing" in ended.err
