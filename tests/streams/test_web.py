"""What a worker serves says whether it lives and is ready, and its metrics can be scraped."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from streams.metrics import Metrics
from streams.web import add_pages
from tests.support.transport import run

REQUEST = SimpleNamespace(headers={"Accept": "text/plain"})


class View:
    """Makes answers as Faust's views do."""

    def json(self, value: Any, *, status: int = 200) -> Any:
        return SimpleNamespace(said=orjson.loads(orjson.dumps(value)), status=status)

    def bytes(self, value: bytes, *, headers: dict[str, str]) -> Any:
        return SimpleNamespace(said=value.decode(), headers=headers)


class App:
    """As much of an app as pages are added to."""

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {}

    def page(self, path: str, *, name: str) -> Any:
        def add(function: Any) -> Any:
            assert name == path.strip("/")
            self.pages[path] = function
            return function

        return add


def get(path: str, metrics: Metrics | None = None, **vitals: str | None) -> Any:
    """What a page answers."""
    app: Any = App()
    held: Any = SimpleNamespace(**vitals)
    add_pages(app, metrics or Metrics(CollectorRegistry()), held)
    answers: list[Any] = []

    async def ask() -> None:
        answers.append(await app.pages[path](View(), REQUEST))

    run(ask)
    return answers[0]


@pytest.mark.parametrize(("why_not", "status"), [(None, 200), ("stopping", 503)])
def test_whether_it_lives_is_said_with_the_reason(why_not: str | None, status: int) -> None:
    answer = get("/livez", dead=why_not)
    assert answer.status == status
    assert answer.said == {"live": why_not is None, "why_not": why_not}


@pytest.mark.parametrize(("why_not", "status"), [(None, 200), ("recovering", 503)])
def test_whether_it_is_ready_is_said_with_the_reason(why_not: str | None, status: int) -> None:
    answer = get("/readyz", unready=why_not)
    assert answer.status == status
    assert answer.said == {"ready": why_not is None, "why_not": why_not}


def test_metrics_are_served_as_prometheus_reads_them() -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.scores.inc(3)
    answer = get("/metrics", metrics)
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    families = {one.name: one for one in text_string_to_metric_families(answer.said)}
    assert families["penchant_scores"].samples[0].value == 3
