"""Recording rules and alerts: each tested with promtool, each with a section of the runbook."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from streams.metrics import Metrics

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/rules"
TESTS = ROOT / "tests/deploy/rules"
OPERATIONS = (ROOT / "docs/operations.md").read_text()
Tool = Callable[[str], str]


def rules() -> list[dict[str, Any]]:
    """Every rule."""
    files = [yaml.safe_load(path.read_text()) for path in sorted(RULES.glob("*.yml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


ALERTS = [rule for rule in rules() if "alert" in rule]


def known_names() -> set[str]:
    """Every name that a query of ours may read."""
    names = {rule["record"] for rule in rules() if "record" in rule} | {"up", "ALERTS"}
    for one in Metrics(CollectorRegistry()).described:
        ends = ("_bucket", "_sum", "_count") if one.type == "histogram" else ("",)
        names |= {one.name + end for end in ends}
    return names | {
        "process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds",
        "penchant_trainers_process_resident_memory_bytes",
        "penchant_trainers_process_cpu_seconds_total",
    }  # fmt: skip


def names_in(expression: str) -> set[str]:
    """The metrics that a query reads."""
    bare = re.sub(r"\{.*?\}|\[.*?\]|\"[^\"]*\"", "", expression)
    bare = re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", "", bare)
    return set(re.findall(r"\b(?:penchant|process|up|ALERTS|[a-z]+:)[a-zA-Z0-9_:]*", bare))


def promtool(tool: Tool, *arguments: object) -> subprocess.CompletedProcess[str]:
    """What promtool says."""
    command = [tool("promtool"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.tools("promtool")
@pytest.mark.parametrize("path", sorted(TESTS.glob("*.yml")), ids=lambda path: path.stem)
def test_alerts_fire_for_what_they_are_for_and_for_nothing_else(tool: Tool, path: Path) -> None:
    ran = promtool(tool, "test", "rules", path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.tools("promtool")
def test_prometheus_takes_its_configuration_with_the_rules(tool: Tool) -> None:
    ran = promtool(tool, "check", "config", ROOT / "deploy/prometheus/prometheus.yml")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 rule files found" in ran.stdout
    assert str(len(ALERTS)) + " rules found" in ran.stdout


@pytest.mark.tools("promtool")
def test_a_broken_rule_is_found(tool: Tool, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "deploy/prometheus", tmp_path / "prometheus")
    broken = tmp_path / "prometheus/rules/alerts.yml"
    text = broken.read_text()
    broken.write_text(text.replace("up{job=", "up{{job=", 1))
    assert promtool(tool, "check", "config", tmp_path / "prometheus/prometheus.yml").returncode


@pytest.mark.tools("promtool")
def test_an_alert_that_would_never_fire_is_found(tool: Tool, tmp_path: Path) -> None:
    """The tests of rules can fail: a threshold out of reach makes them."""
    text = (RULES / "alerts.yml").read_text()
    (tmp_path / "alerts.yml").write_text(text.replace("ratio_rate5m > 0.01", "ratio_rate5m > 1"))
    asked = (TESTS / "workers.yml").read_text()
    (tmp_path / "workers.yml").write_text(
        asked.replace("../../../deploy/prometheus/rules/alerts.yml", "alerts.yml").replace(
            "../../../deploy/prometheus/rules/recording.yml", str(RULES / "recording.yml")
        )
    )
    ran = promtool(tool, "test", "rules", tmp_path / "workers.yml")
    assert ran.returncode
    assert "PenchantRefusals" in ran.stdout + ran.stderr


def test_every_alert_is_tested_to_fire_and_not_to() -> None:
    asked: dict[str, set[bool]] = {}
    for path in TESTS.glob("*.yml"):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for one in test.get("alert_rule_test", []):
                asked.setdefault(one["alertname"], set()).add(bool(one.get("exp_alerts")))
    assert asked == {rule["alert"]: {True, False} for rule in ALERTS}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    annotations = rule["annotations"]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert annotations["summary"]
    assert annotations["description"]
    assert annotations["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
    section = re.search(rf"^### {rule['alert']}\n(.*?)(?=^##)", OPERATIONS + "\n##", re.M | re.S)
    assert section is not None, f"no section on {rule['alert']} in docs/operations.md"
    for heading in ("**It means**", "**Look at**", "**Do**"):
        assert heading in section.group(1), heading


def test_the_runbook_has_no_section_on_an_alert_that_is_no_more() -> None:
    sections = set(re.findall(r"^### (Penchant\w+)$", OPERATIONS, re.MULTILINE))
    assert sections == {rule["alert"] for rule in ALERTS}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_rules_read_metrics_that_there_are(rule: dict[str, Any]) -> None:
    names = names_in(rule["expr"])
    assert names
    assert names <= known_names()


def test_the_table_of_faults_has_every_alert_and_those_are_provoked() -> None:
    table = OPERATIONS.partition("| alert | fault |")[2].partition("\n\n")[0]
    named = [
        name for row in table.strip().splitlines()[1:] for name in row.split("|")[1].split(", ")
    ]
    told = sorted(f"Penchant{name.strip()}" for name in named)
    assert told == sorted(rule["alert"] for rule in ALERTS)
    tests = [ROOT / f"tests/deploy/test_{name}.py" for name in ("monitoring", "faults")]
    provoked = set(re.findall(r'"(Penchant\w+)"', "".join(path.read_text() for path in tests)))
    assert provoked == set(told)


def scrape_job_of_the_docs() -> dict[str, Any]:
    """What docs/operations.md shows for Kubernetes."""
    shown = re.search(r"^```yaml\n(- job_name: .*?)^```", OPERATIONS, re.MULTILINE | re.DOTALL)
    assert shown is not None
    (job,) = yaml.safe_load(shown[1])
    return dict(job)


def test_the_scrape_job_of_the_docs_is_the_one_that_rules_and_panels_ask_for() -> None:
    asking = [*RULES.glob("*.yml"), *(ROOT / "deploy/grafana/dashboards").glob("*.json")]
    asked = {name for path in asking for name in re.findall(r'job=\\?"(\w+)\\?"', path.read_text())}
    job = scrape_job_of_the_docs()
    assert asked == {job["job_name"]}
    (rule,) = job["relabel_configs"]
    worker = yaml.safe_load_all((ROOT / "deploy/kubernetes/worker.yaml").read_text())
    pod = next(worker)["spec"]["template"]
    (source,) = rule["source_labels"]
    labels = {
        "__meta_kubernetes_pod_label_" + re.sub(r"\W", "_", name): value
        for name, value in pod["metadata"]["labels"].items()
    }
    assert (rule["action"], labels[source]) == ("keep", rule["regex"])


@pytest.mark.tools("promtool")
def test_prometheus_takes_the_scrape_job_of_the_docs(tool: Tool, tmp_path: Path) -> None:
    """But for the discovery itself, which Debian's Prometheus is built without."""
    job, file = scrape_job_of_the_docs(), tmp_path / "prometheus.yml"
    assert job.pop("kubernetes_sd_configs") == [
        {"role": "pod", "namespaces": {"names": ["penchant"]}}
    ]
    file.write_text(yaml.safe_dump({"scrape_configs": [job]}))
    ran = promtool(tool, "check", "config", file)
    assert ran.returncode == 0, ran.stdout + ran.stderr
