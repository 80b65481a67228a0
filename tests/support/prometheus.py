"""A real Prometheus that scrapes real workers, with our rules in a hurry."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from streams.processes import free_port, start, stop, wait_for_port
from tests.support.cluster import until

ROOT = Path(__file__).parents[2]


def hurried(rules: str, slower: Mapping[str, int]) -> str:
    """Rules for which a second is a minute: how long to wait, over how long to look, how old.

    Parameters
    ----------
    rules
        As they are deployed.
    slower
        Alert -> seconds that are a minute to it, where faults cannot follow one another so fast.
    """
    found = yaml.safe_load(rules)
    for rule in (rule for group in found["groups"] for rule in group["rules"]):
        minute = slower.get(rule.get("alert", ""), 1)
        rule["expr"] = _hurried(rule["expr"], minute)
        if "for" in rule:
            rule["for"] = f"{_minutes(rule['for']) * minute}s"
    return yaml.safe_dump(found, sort_keys=False)


def _hurried(expression: str, minute: int) -> str:
    hurried = re.sub(
        r"(\[|offset )(\d+[mh])\b",
        lambda found: f"{found[1]}{_minutes(found[2]) * minute}s",
        expression,
    )
    # Ages and durations that are waited for; those of single records are not.
    return re.sub(
        r"(recovery_seconds|model_age_seconds:min) > (\d+)",
        lambda found: f"{found[1]} > {int(found[2]) // 60 * minute}",
        hurried,
    )


def _minutes(text: str) -> int:
    return int(text[:-1]) * {"m": 1, "h": 60}[text[-1]]


@dataclass
class Prometheus:
    """A running Prometheus.

    Parameters
    ----------
    port
        Where it listens.
    process
        It.
    started
        When, epoch seconds.
    """

    port: int
    process: subprocess.Popen[bytes]
    started: float

    @property
    def is_ready(self) -> bool:
        """Whether it answers questions yet: it listens before it can."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5):
                return True
        except OSError:
            return False

    def get(self, path: str, **parameters: object) -> Any:
        """What its API answers."""
        query = urllib.parse.urlencode(parameters)
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            body = json.load(answer)
        assert body["status"] == "success", body
        return body["data"]

    def firing(self) -> set[str]:
        """The names of alerts that fire now."""
        alerts = self.get("alerts")["alerts"]
        return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}

    def values(self, expression: str) -> list[list[float]]:
        """Every series of a query since the start, without what is not a number."""
        now = time.time()
        found = self.get(
            "query_range", query=expression, start=self.started, end=now, step="1s"
        )["result"]  # fmt: skip
        series = [[float(value) for _, value in one["values"]] for one in found]
        return [[value for value in one if value == value] for one in series]  # noqa: PLR0124


@contextlib.contextmanager
def prometheus(
    binary: str,
    folder: Path,
    targets: Sequence[str],
    every: int = 500,
    slower: Mapping[str, int] | None = None,
) -> Iterator[Prometheus]:
    """Prometheus with our rules, hurried, scraping every so many milliseconds."""
    (folder / "rules").mkdir(parents=True)
    for path in (ROOT / "deploy/prometheus/rules").glob("*.yml"):
        (folder / "rules" / path.name).write_text(hurried(path.read_text(), slower or {}))
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    config["global"] = {
        "scrape_interval": f"{every}ms", "scrape_timeout": f"{every - 50}ms",
        "evaluation_interval": "1s",
    }  # fmt: skip
    job = next(one for one in config["scrape_configs"] if one["job_name"] == "penchant")
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": list(targets)}]
    config["scrape_configs"] = [job]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    process = start(
        [binary, f"--config.file={folder / 'prometheus.yml'}",
         f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"],
        folder / "prometheus.log",
    )  # fmt: skip
    try:
        wait_for_port(port, process, 60.0)
        server = Prometheus(port, process, time.time())
        until(lambda: server.is_ready, "Prometheus to have read its own files", 60.0)
        yield server
    finally:
        stop(process)
