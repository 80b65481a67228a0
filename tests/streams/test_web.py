"""What a worker serves says whether it lives and is ready, and its metrics can be scraped."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from streams.metrics import Metrics
from streams.web import EXPOSITION, add_pages
from tests.support.transport import run


class Answer(dict[str, Any]):
    """What a page answered."""

    def __init__(self, body: bytes, status: int, kind: str) -> None:
        super().__init__(orjson.loads(body) if kind == "json" else {})
        self.body, self.status, self.kind = body, status, kind


class View:
    """Makes answers as Faust's views do."""

    def json(self, value: Any, *, status: int = 200) -> Answer:
        return Answer(orjson.dumps(value), status, "json")

    def bytes(self, value: bytes, *, content_type: str) -> Answer:
        return Answer(value, 200, content_type)


class App:
    """As much of an app as the pages look at."""

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {}
        self.should_stop = self.rebalancing = False
        self.tables = SimpleNamespace(recovery=SimpleNamespace(completed=asyncio.Event()))

    def page(self, path: str, *, name: str) -> Any:
        def add(function: Any) -> Any:
            assert name == path.strip("/")
            self.pages[path] = function
            return function

        return add

    async def get(self, path: str) -> Answer:
        answer: Answer = await self.pages[path](View(), None)
        return answer


def served() -> tuple[App, Metrics]:
    app: Any = App()
    metrics = Metrics(CollectorRegistry())
    add_pages(app, metrics)
    return app, metrics


def test_a_worker_lives_until_it_stops_or_crashes() -> None:
    async def test() -> None:
        app, _ = served()
        assert (await app.get("/livez")).status == 200
        app.should_stop = True
        answer = await app.get("/livez")
        assert (answer.status, answer) == (503, {"live": False})

    run(test)


@pytest.mark.parametrize(
    ("recovered", "rebalancing", "status"),
    [(False, False, 503), (True, False, 200), (True, True, 503), (False, True, 503)],
)
def test_a_worker_is_ready_when_it_has_recovered_and_nothing_moves(
    recovered: bool, rebalancing: bool, status: int
) -> None:
    async def test() -> None:
        app, _ = served()
        if recovered:
            app.tables.recovery.completed.set()
        app.rebalancing = rebalancing
        answer = await app.get("/readyz")
        assert (answer.status, answer) == (status, {"ready": status == 200})

    run(test)


def test_metrics_are_served_as_prometheus_reads_them() -> None:
    async def test() -> None:
        app, metrics = served()
        metrics.scores.inc(3)
        answer = await app.get("/metrics")
        assert answer.kind == EXPOSITION
        assert "charset" not in EXPOSITION
        found = {family.name: family for family in text_string_to_metric_families(
            answer.body.decode())}  # fmt: skip
        assert found["penchant_scores"].samples[0].value == 3

    run(test)
