"""What a worker serves says whether it lives and is ready, and its metrics can be scraped."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from multidict import MultiDict
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from streams.metrics import Metrics
from streams.web import add_pages
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

    def bytes(self, value: bytes, *, headers: dict[str, str]) -> Answer:
        return Answer(value, 200, headers["Content-Type"])


class App:
    """As much of an app as the pages look at."""

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {}
        self.vitals = SimpleNamespace(dead=None, unready=None)

    def page(self, path: str, *, name: str) -> Any:
        def add(function: Any) -> Any:
            assert name == path.strip("/")
            self.pages[path] = function
            return function

        return add

    async def get(self, path: str, *names: str) -> Answer:
        query = MultiDict(("name[]", name) for name in names)
        answer: Answer = await self.pages[path](View(), SimpleNamespace(headers={}, query=query))
        return answer


def served() -> tuple[App, Metrics]:
    app: Any = App()
    metrics = Metrics(CollectorRegistry(auto_describe=True))
    add_pages(app, metrics, app.vitals)
    return app, metrics


@pytest.mark.parametrize(("path", "said"), [("/livez", "live"), ("/readyz", "ready")])
def test_a_page_says_why_not(path: str, said: str) -> None:
    async def test() -> None:
        app, _ = served()
        answer = await app.get(path)
        assert (answer.status, answer) == (200, {said: True, "why_not": None})
        app.vitals.dead = app.vitals.unready = "it sleeps"
        answer = await app.get(path)
        assert (answer.status, answer) == (503, {said: False, "why_not": "it sleeps"})

    run(test)


def test_metrics_are_served_as_prometheus_reads_them() -> None:
    async def test() -> None:
        app, metrics = served()
        metrics.scores.inc(3)
        answer = await app.get("/metrics")
        assert answer.kind.startswith("text/plain")
        found = {family.name: family for family in text_string_to_metric_families(
            answer.body.decode())}  # fmt: skip
        assert found["penchant_scores"].samples[0].value == 3

    run(test)


def test_metrics_that_are_named_are_served_alone() -> None:
    async def test() -> None:
        app, metrics = served()
        metrics.scores.inc(3)
        answer = await app.get("/metrics", "penchant_scores_total", "process_cpu_seconds_total")
        found = {one.name for one in text_string_to_metric_families(answer.body.decode())}
        assert found == {"penchant_scores", "process_cpu_seconds"}
        assert not (await app.get("/metrics", "nobody_knows_it")).body.strip()

    run(test)
