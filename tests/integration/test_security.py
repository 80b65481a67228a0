"""Apache Kafka with TLS, logins and access control: who may gets in, who may not does not."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson
import pytest

from streams.processes import penchant
from streams.settings import Settings
from tests.support.cluster import Cluster, Worker, until
from tests.support.factories import START, event
from tests.support.left import handled
from tests.support.questions import AT_ONCE
from tests.support.secured import KEY_PASSWORD, PASSWORDS, Right, Secured, secured_kafka

pytestmark = pytest.mark.kafka

SECRETS = [*PASSWORDS.values(), KEY_PASSWORD]


def rights(prefix: str) -> list[Right]:
    """What a worker needs, and nothing else: the list of docs/security.md."""
    read = [(f"{prefix}.{word}", "READ") for word in ("events", "examples", "models")]
    write = [
        (f"{prefix}.{word}", "WRITE")
        for word in ("scores", "examples", "models", "insights", "dlq", "erasures")
    ]
    tables = [
        (f"{prefix}-{table}-changelog", operation)
        for table in ("profiles", "tickets", "trainers")
        for operation in ("READ", "WRITE")
    ]
    return [
        *[("TOPIC", name, operation) for name, operation in (*read, *write, *tables)],
        ("GROUP", prefix, "READ"),
        ("TRANSACTIONAL_ID", f"{prefix}-*", "WRITE"),
    ]


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured_kafka(tmp_path_factory.mktemp("secured")) as running:
        yield running


@pytest.fixture
def cluster(secured: Secured, tmp_path: Path) -> Iterator[Cluster]:
    """Topics of this test, seen with the eyes of the superuser."""
    prefix = f"s{uuid.uuid4().hex[:6]}"
    settings = Settings(brokers=secured.broker.address, prefix=prefix, partitions=2)
    made = Cluster(settings, tmp_path).create_topics()
    yield made
    made.stop()


def login(secured: Secured, mechanism: str, name: str = "worker") -> dict[str, str]:
    return {
        "brokers": secured.login, "security_protocol": "SASL_SSL", "sasl_mechanism": mechanism,
        "sasl_username": name, "sasl_password": PASSWORDS[name],
        "ssl_ca_file": secured.file("ca.pem"),
    }  # fmt: skip


def certificate(secured: Secured) -> dict[str, str]:
    return {
        "brokers": secured.certificate, "security_protocol": "SSL",
        "ssl_ca_file": secured.file("ca.pem"), "ssl_cert_file": secured.file("worker.pem"),
        "ssl_key_file": secured.file("worker.locked.key"), "ssl_key_password": KEY_PASSWORD,
    }  # fmt: skip


WAYS = ["PLAIN", "SCRAM-SHA-512", "certificate"]


def way_of(secured: Secured, way: str) -> tuple[str, dict[str, str]]:
    """The principal, and the settings that make a worker it."""
    if way == "certificate":
        return "CN=penchant-worker", certificate(secured)
    return "worker", login(secured, way)


def says_no_secret(text: str) -> None:
    assert not [secret for secret in SECRETS if secret in text]


def works(cluster: Cluster, worker: Worker) -> None:
    """It handles events, writes scores, examples and states, and stops cleanly."""
    log = [event("p1", START + n * 6 * 3_600_000) for n in range(40)]
    cluster.send((b"p1", orjson.dumps(one)) for one in log)
    cluster.send([(b"p1", b"{")])
    until(lambda: handled(worker) == 41 or not worker.alive, "the events to be handled")
    until(lambda: cluster.read(cluster.topics.models) or not worker.alive, "a snapshot")
    assert worker.alive, worker.log.read_text()[-2000:]
    assert worker.stop() == 0
    assert len(cluster.read(cluster.topics.dlq)) == 1
    assert cluster.read(cluster.topics.profiles)


@pytest.mark.parametrize("way", WAYS)
def test_a_worker_with_the_listed_rights_works_and_says_no_secret(
    secured: Secured, cluster: Cluster, way: str
) -> None:
    principal, settings = way_of(secured, way)
    secured.allow(principal, rights(cluster.settings.prefix))
    worker = cluster.worker(AT_ONCE, **settings, log_level="debug").start().wait_ready()
    served = worker.get("/metrics")
    assert served
    works(cluster, worker)
    says_no_secret(worker.log.read_text() + served)


@pytest.mark.parametrize(
    ("kind", "word", "operation", "named"),
    [
        ("TOPIC", ".scores", "WRITE", ".scores: not permitted (DESCRIBE"),
        ("TOPIC", ".models", "WRITE", ".models: not permitted (WRITE)"),
        ("TOPIC", "-profiles-changelog", "READ", "-profiles-changelog: not permitted (READ)"),
        ("GROUP", "", "READ", "group"),
        ("TRANSACTIONAL_ID", "-*", "WRITE", "ransactional"),
    ],
)
def test_a_worker_that_lacks_a_right_stops_and_says_which(  # noqa: PLR0913, PLR0917
    secured: Secured, cluster: Cluster, kind: str, word: str, operation: str, named: str
) -> None:
    lacking = (kind, cluster.settings.prefix + word, operation)
    given = [right for right in rights(cluster.settings.prefix) if right != lacking]
    assert len(given) == len(rights(cluster.settings.prefix)) - 1
    secured.allow("worker", given)
    worker = cluster.worker(AT_ONCE, **login(secured, "PLAIN")).start()
    cluster.send([(b"p1", orjson.dumps(event("p1", START + n))) for n in range(3)])
    until(lambda: not worker.alive, "the worker to stop")
    assert worker.stop() == 1
    said = worker.log.read_text()
    assert named in said
    assert "permit" in said
    assert "Traceback" not in said
    says_no_secret(said)


def test_a_worker_that_may_see_the_events_and_not_read_them_says_so_instead_of_waiting(
    secured: Secured, cluster: Cluster
) -> None:
    prefix = cluster.settings.prefix
    events = f"{prefix}.events"
    given = [right for right in rights(prefix) if right[1] != events]
    secured.allow("worker", [*given, ("TOPIC", events, "DESCRIBE")])
    worker = cluster.worker(AT_ONCE, **login(secured, "PLAIN")).start()
    until(lambda: not worker.alive, "the worker to stop")
    assert worker.stop() == 1
    said = worker.log.read_text()
    assert f"{events}: not permitted (READ)" in said
    assert "docs/security.md" in said
    assert said.count("not permitted") == 1
    says_no_secret(said)


def run(settings: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {f"PENCHANT_{name.upper()}": value for name, value in settings.items()}
    return subprocess.run(
        penchant(*arguments), capture_output=True, text=True, check=False, env=environment,
        timeout=120,
    )  # fmt: skip


def test_who_is_not_known_is_kept_out_with_a_word_and_without_the_secret(
    secured: Secured, cluster: Cluster, tmp_path: Path
) -> None:
    goals = tmp_path / "goals.yaml"
    goals.write_text(AT_ONCE)
    right = login(secured, "SCRAM-SHA-512") | {"prefix": cluster.settings.prefix}
    wrong = {
        "a wrong password": right | {"sasl_password": "w0rker-secret-not"},
        "another authority": right | {"ssl_ca_file": secured.file("other.pem")},
        "no certificate": {"brokers": secured.certificate, "security_protocol": "SSL",
                           "ssl_ca_file": secured.file("ca.pem")},
        "no TLS": right | {"security_protocol": "SASL_PLAINTEXT"},
    }  # fmt: skip
    for what, settings in wrong.items():
        ended = run(settings, "topics", str(goals))
        assert ended.returncode == 1, what
        assert "Traceback" not in ended.stderr
        assert len(ended.stderr) < 1_000, ended.stderr
        says_no_secret(ended.stdout + ended.stderr)


def test_the_command_line_logs_in_as_the_worker_does(
    secured: Secured, cluster: Cluster, tmp_path: Path
) -> None:
    goals, sample = tmp_path / "goals.yaml", tmp_path / "events.jsonl"
    goals.write_text(AT_ONCE)
    sample.write_bytes(orjson.dumps(event("p9")) + b"\n")
    prefix = cluster.settings.prefix
    secured.allow("admin", [])
    settings = login(secured, "SCRAM-SHA-512", "admin") | {"prefix": prefix, "partitions": "2"}
    assert run(settings, "topics", str(goals)).returncode == 0
    assert run(settings, "send", str(goals), str(sample)).stdout.startswith("1 events sent")
    assert run(settings, "dlq", "list").returncode == 0
    fresh = run(settings | {"prefix": f"{prefix}new"}, "topics", str(goals), "--apply")
    assert fresh.returncode == 0, fresh.stderr


def test_a_stranger_sees_that_nothing_is_permitted(
    secured: Secured, cluster: Cluster, tmp_path: Path
) -> None:
    goals = tmp_path / "goals.yaml"
    goals.write_text(AT_ONCE)
    settings = login(secured, "PLAIN", "stranger") | {"prefix": cluster.settings.prefix}
    ended = run(settings | {"COLUMNS": "200"}, "worker", str(goals))
    assert ended.returncode == 1
    assert "not permitted" in ended.stderr
    assert "docs/security.md" in ended.stderr


def test_help_shows_no_secret() -> None:
    settings = {"sasl_password": PASSWORDS["worker"], "ssl_key_password": KEY_PASSWORD}
    for command in ([], ["worker"], ["topics"], ["dlq"], ["dlq", "replay"], ["send"]):
        ended = run(settings, *command, "--help")
        assert ended.returncode == 0
        says_no_secret(ended.stdout + ended.stderr)
