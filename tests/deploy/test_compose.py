"""docker-compose.yml, through the parser of Docker Compose and by the rules of the house."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.cli import COMMANDS
from streams.settings import Settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
ONCE = {"topics", "demo"}
Tool = Callable[[str], str]


def parsed(tool: Tool, text: str, folder: Path, **environment: str) -> tuple[int, str, str]:
    """What the Compose parser makes of a file; started with no variables but those given."""
    file = folder / "docker-compose.yml"
    file.write_text(text)
    ran = subprocess.run(
        [tool("compose-parse"), file], capture_output=True, text=True, cwd=folder,
        env={"PATH": os.environ["PATH"], **environment}, check=False,
    )  # fmt: skip
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.tools("compose-parse")
def test_compose_takes_it_without_a_word(tool: Tool, tmp_path: Path) -> None:
    code, out, err = parsed(tool, FILE.read_text(), tmp_path)
    assert (code, err) == (0, "")
    services = json.loads(out)["services"]
    assert set(services) == {"kafka", "topics", "worker", "demo", "prometheus", "grafana"}
    assert services["worker"]["deploy"]["replicas"] == 2


@pytest.mark.tools("compose-parse")
def test_compose_takes_over_variables(tool: Tool, tmp_path: Path) -> None:
    given = {"PENCHANT_WORKERS": "5", "GRAFANA_PORT": "3333", "PENCHANT_CONFIG": "/goals.yaml"}
    _, out, _ = parsed(tool, FILE.read_text(), tmp_path, **given)
    services = json.loads(out)["services"]
    assert services["worker"]["deploy"]["replicas"] == 5
    assert services["worker"]["volumes"][0]["source"] == "/goals.yaml"
    assert services["grafana"]["ports"][0]["published"] == "3333"


@pytest.mark.tools("compose-parse")
@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("${PENCHANT_WORKERS:-2}", "${PENCHANT_WORKERS:?how many}", "PENCHANT_WORKERS"),
        ("condition: service_completed_successfully", "condition: service_done", "must be one of"),
        ("kafka: {condition: service_healthy}", "kafak: {condition: service_healthy}", "kafak"),
        ("stop_grace_period: 60s", "stop_grace_periods: 60s", "stop_grace_periods"),
    ],
)
def test_a_mistake_in_it_is_found(
    tool: Tool, tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    text = FILE.read_text()
    assert right in text
    code, _, err = parsed(tool, text.replace(right, wrong), tmp_path)
    assert code != 0
    assert said in err


def test_every_variable_has_a_default() -> None:
    text = FILE.read_text()
    used = re.findall(r"\$\{?([A-Z_]+)(:-)?", text)
    assert used
    assert [name for name, default in used if not default] == []


@pytest.mark.parametrize("given", [{}, {"KAFKA_PORT": "39092"}])
def test_kafka_says_of_itself_the_port_at_which_this_machine_finds_it(
    given: dict[str, str],
) -> None:
    text = re.sub(
        r"\$\{([A-Z_]+):-(.*?)\}", lambda one: given.get(one[1], one[2]), FILE.read_text()
    )
    kafka = yaml.safe_load(text)["services"]["kafka"]
    (mapping,) = kafka["ports"]
    _, published, inside = mapping.split(":")
    environment = kafka["environment"]
    advertised = dict(
        one.split("://") for one in environment["KAFKA_ADVERTISED_LISTENERS"].split(",")
    )
    bound = dict(one.split("://") for one in environment["KAFKA_LISTENERS"].split(","))
    assert published == given.get("KAFKA_PORT", "29092")
    assert advertised["OUTSIDE"] == f"localhost:{published}"
    assert bound["OUTSIDE"] == f":{inside}"


def test_variables_of_ours_are_settings() -> None:
    known = {f"PENCHANT_{name.upper()}" for name in Settings.model_fields}
    of_compose = {"PENCHANT_CONFIG", "PENCHANT_WORKERS"}
    used = set(re.findall(r"PENCHANT_[A-Z_]+", FILE.read_text()))
    assert used - of_compose <= known


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_to_a_release(name: str) -> None:
    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+", SERVICES[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_services_may_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].partition(":")[0]) > 0
    limits = service["deploy"]["resources"]["limits"]
    assert {"cpus", "memory", "pids"} <= limits.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_bound_to_the_loopback_interface(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", SERVICES)
def test_files_of_ours_are_mounted_read_only_and_exist(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source, _, mode = re.sub(r"\$\{[A-Z_]+:-(.*?)\}", r"\1", volume).split(":", 2) if (
            volume.count(":") > 1
        ) else (*volume.split(":"), "rw")  # fmt: skip
        if source.startswith("."):
            assert mode == "ro"
            assert (ROOT / source).exists(), source


def test_nothing_starts_before_what_it_needs() -> None:
    assert SERVICES["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    worker = SERVICES["worker"]["depends_on"]
    assert worker["topics"] == {"condition": "service_completed_successfully"}
    assert SERVICES["demo"]["depends_on"] == {"worker": {"condition": "service_healthy"}}
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy" and needed != "worker":
                assert "test" in SERVICES[needed]["healthcheck"], f"{name} waits for {needed}"


def test_commands_are_ours() -> None:
    for name in ("topics", "worker"):
        assert SERVICES[name]["command"][0] in COMMANDS


def test_prometheus_finds_every_worker_where_it_serves() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    job = next(one for one in config["scrape_configs"] if one["job_name"] == "penchant")
    discovery = job["dns_sd_configs"][0]
    assert set(discovery["names"]) <= SERVICES.keys()
    assert discovery["port"] == Settings.model_fields["web_port"].default


def test_grafana_is_given_what_it_is_told_to_read() -> None:
    mounted = {volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]}
    folder = ROOT / "deploy/grafana/provisioning"
    provider = yaml.safe_load((folder / "dashboards/penchant.yml").read_text())["providers"][0]
    assert provider["options"]["path"] in mounted
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.startswith(provider["options"]["path"])
    assert (ROOT / "deploy/grafana/dashboards" / Path(home).name).exists()
    source = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
