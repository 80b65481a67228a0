"""Kubernetes manifests, against the API's own schemas and against what the worker is."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator

from models.config.loader import load_config
from streams.cli import COMMANDS
from streams.settings import Settings
from streams.topics import topics_of
from tests.deploy.test_compose import SERVICES

FOLDER = Path(__file__).parents[2] / "deploy/kubernetes"
#: The oldest release that is still looked after, and the newest that schemas are known of.
VERSIONS = ("1.33", kubernetes_validate.latest_version())
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
OBJECTS: list[dict[str, Any]] = [
    one
    for name in KUSTOMIZATION["resources"]
    for one in yaml.safe_load_all((FOLDER / name).read_text())
]
PODS = {
    one["metadata"]["name"]: one["spec"]["template"]["spec"]
    for one in OBJECTS
    if one["kind"] in ("Deployment", "Job")
}


def the(kind: str) -> dict[str, Any]:
    """The only object of a kind."""
    (found,) = [one for one in OBJECTS if one["kind"] == kind]
    return found


def mistakes(resource: dict[str, Any], version: str) -> list[str]:
    """What the API would refuse; fields that it does not know are mistakes."""
    try:
        kubernetes_validate.validate(resource, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [str(error.message)]
    return []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("resource", OBJECTS, ids=lambda one: f"{one['kind']}")
def test_the_api_would_take_it(resource: dict[str, Any], version: str) -> None:
    assert mistakes(resource, version) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "template", "spec", "terminationGracePeriod"), 60),
        (("spec", "replicas"), "two"),
        (("spec", "selector"), "penchant"),
    ],
)
def test_a_mistake_would_be_found(path: tuple[str, ...], value: Any) -> None:
    resource = copy.deepcopy(the("Deployment"))
    place = resource
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert mistakes(resource, VERSIONS[-1])


def test_every_file_is_listed_and_every_listed_file_is_there() -> None:
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    generated = {name for one in KUSTOMIZATION["configMapGenerator"] for name in one["files"]}
    assert files == set(KUSTOMIZATION["resources"]) | generated


def test_its_goals_are_right() -> None:
    path = FOLDER / "goals.yaml"
    assert load_config(path.read_text(), str(path)).goals


def test_its_settings_are_settings() -> None:
    data = the("ConfigMap")["data"]
    names = {name.removeprefix("PENCHANT_").lower() for name in data}
    assert names <= Settings.model_fields.keys()
    given: dict[str, Any] = {name.removeprefix("PENCHANT_").lower(): v for name, v in data.items()}
    settings = Settings(**given)
    assert settings.web_host == "0.0.0.0"  # noqa: S104 - probes come from outside of the pod


@pytest.mark.parametrize("name", PODS)
def test_pods_may_do_little(name: str) -> None:
    pod = PODS[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"{pod['securityContext']['runAsUser']}:10001" == SERVICES["worker"]["user"]
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "memory" in container["resources"]["limits"]
    assert container["image"] == SERVICES["worker"]["image"]
    assert container["args"][0] in COMMANDS
    mounted = {one["name"] for one in container["volumeMounts"]}
    assert mounted == {one["name"] for one in pod["volumes"]}


def test_probes_ask_what_the_worker_answers() -> None:
    (container,) = PODS["penchant-worker"]["containers"]
    (port,) = container["ports"]
    assert str(port["containerPort"]) == the("ConfigMap")["data"]["PENCHANT_WEB_PORT"]
    asked = {
        name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")
    }
    paths = {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}
    assert {name: one["path"] for name, one in asked.items()} == paths
    assert {one["port"] for one in asked.values()} == {port["name"]}


def test_what_goes_with_the_workers_finds_them() -> None:
    labels = the("Deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        the("Deployment")["spec"]["selector"]["matchLabels"],
        the("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        the("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()
    keda = yaml.safe_load((FOLDER / "keda/scaledobject.yaml").read_text())
    name = the("Deployment")["metadata"]["name"]
    assert the("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"] == name
    assert keda["spec"]["scaleTargetRef"]["name"] == name


def keda_mistakes(resource: Any, crd: str) -> list[str]:
    """What KEDA's own schema would refuse; fields that it does not know are mistakes."""
    found = yaml.safe_load(Path(crd).read_text())
    group, _, version = resource["apiVersion"].partition("/")
    assert (found["spec"]["group"], found["spec"]["names"]["kind"]) == (group, resource["kind"])
    (served,) = [one for one in found["spec"]["versions"] if one["name"] == version]
    schema = strict(served["schema"]["openAPIV3Schema"])
    return [error.message for error in Draft202012Validator(schema).iter_errors(resource)]


def strict(schema: Any) -> Any:
    """A schema of Kubernetes that takes no fields which it does not name."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inside = {name: strict(one) for name, one in schema.items()}
    names_all = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    if names_all and not schema.get("x-kubernetes-preserve-unknown-fields"):
        inside.setdefault("additionalProperties", False)
    return inside


@pytest.mark.tools("keda.sh_scaledobjects.yaml")
def test_keda_would_take_its_own(tool: Any) -> None:
    crd = tool("keda.sh_scaledobjects.yaml")
    resource = yaml.safe_load((FOLDER / "keda/scaledobject.yaml").read_text())
    assert keda_mistakes(resource, crd) == []
    for path, value in [("pollInterval", 30), ("maxReplicaCount", "16"), ("triggers", [{}])]:
        assert keda_mistakes(resource | {"spec": resource["spec"] | {path: value}}, crd), path


def test_there_are_never_more_workers_than_partitions() -> None:
    partitions = int(the("ConfigMap")["data"]["PENCHANT_PARTITIONS"])
    keda = yaml.safe_load((FOLDER / "keda/scaledobject.yaml").read_text())
    assert the("HorizontalPodAutoscaler")["spec"]["maxReplicas"] <= partitions
    assert keda["spec"]["maxReplicaCount"] <= partitions


def test_keda_looks_where_the_workers_read() -> None:
    keda = yaml.safe_load((FOLDER / "keda/scaledobject.yaml").read_text())
    (trigger,) = keda["spec"]["triggers"]
    asked, data = trigger["metadata"], the("ConfigMap")["data"]
    settings = Settings(brokers=data["PENCHANT_BROKERS"], prefix=data["PENCHANT_PREFIX"])
    assert trigger["type"] == "kafka"
    assert asked["bootstrapServers"] == settings.brokers
    assert asked["consumerGroup"] == settings.prefix
    assert asked["topic"] == topics_of(settings).events
    assert keda["metadata"]["namespace"] == KUSTOMIZATION["namespace"]


def test_both_ways_to_scale_are_equally_slow() -> None:
    keda = yaml.safe_load((FOLDER / "keda/scaledobject.yaml").read_text())
    autoscaler = yaml.safe_load((FOLDER / "autoscaler.yaml").read_text())
    advanced = keda["spec"]["advanced"]["horizontalPodAutoscalerConfig"]
    assert advanced["behavior"] == autoscaler["spec"]["behavior"]
