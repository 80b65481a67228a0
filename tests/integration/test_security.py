"""Apache Kafka with TLS, logins and access control: who may gets in, who may not does not."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import pytest

from streams.processes import penchant
from streams.settings import Settings
from streams.topics import topics_of
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


# -- commands: a user that has the rights of its row in docs/security.md for its prefix, no more --


def topic_rights(prefix: str, *operations: str) -> list[Right]:
    names = asdict(topics_of(Settings(prefix=prefix))).values()
    return [("TOPIC", name, operation) for name in names for operation in operations]


def rights_to_read_letters(prefix: str) -> list[Right]:
    return [("TOPIC", f"{prefix}.dlq", "READ")]


def rights_to_replay(prefix: str) -> list[Right]:
    writes = [("TOPIC", f"{prefix}.{word}", "WRITE") for word in ("dlq", "events", "examples")]
    transaction = ("TRANSACTIONAL_ID", f"{prefix}-dlq-replay", "WRITE")
    return [*rights_to_read_letters(prefix), *writes, transaction]


def rights_of_the_doctor(prefix: str) -> list[Right]:
    changelogs = [f"{prefix}-{table}-changelog" for table in ("profiles", "tickets", "trainers")]
    return [*rights(prefix), *[("TOPIC", name, "DESCRIBE_CONFIGS") for name in changelogs]]


ROWS: dict[str, Callable[[str], list[Right]]] = {
    "topics goals.yaml": lambda prefix: topic_rights(prefix, "DESCRIBE"),
    "topics goals.yaml --apply": lambda prefix: topic_rights(prefix, "DESCRIBE", "CREATE"),
    "send goals.yaml events.jsonl": lambda prefix: [
        *topic_rights(prefix, "DESCRIBE"), ("TOPIC", f"{prefix}.events", "WRITE"),
    ],
    "watch --from-start --count 1 --json": lambda prefix: [("TOPIC", f"{prefix}.scores", "READ")],
    "dlq list": rights_to_read_letters,
    "dlq show 0/0": rights_to_read_letters,
    "dlq replay --all": rights_to_replay,
    "doctor goals.yaml --wait 0.1": rights_of_the_doctor,
}  # fmt: skip


def something_to_see(cluster: Cluster) -> None:
    """A score and a letter."""
    score = {"goal": "churn", "profile_id": "p1", "propensity": 0.5, "bucket": "high"}
    cluster.send([(b"churn/p1", orjson.dumps(score))], cluster.topics.scores)
    headers = {
        "reason": "not_json", "message": "none", "source_topic": cluster.topics.events,
        "source_partition": "0", "source_offset": "0", "failed_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    written = [(name, value.encode()) for name, value in headers.items()]
    for key in (b"p1", b"p2", b"p3", b"p4", b"p5", b"p6"):  # one of them lies in partition 0
        cluster.send([(key, b"{")], cluster.topics.dlq, headers=written)


def run_in(folder: Path, settings: Mapping[str, str], command: str) -> Any:
    """A command, with the files that it names."""
    (folder / "goals.yaml").write_text(AT_ONCE)
    (folder / "events.jsonl").write_bytes(orjson.dumps(event("p9")) + b"\n")
    words = [str(folder / word) if "." in word and word[0].isalpha() else word
             for word in command.split()]  # fmt: skip
    return run(settings, *words)


@pytest.mark.parametrize("command", ROWS)
def test_a_command_works_for_a_user_with_the_rights_of_its_row_and_no_others(
    secured: Secured, cluster: Cluster, tmp_path: Path, command: str
) -> None:
    prefix = cluster.settings.prefix + ("new" if "--apply" in command else "")
    secured.allow("operator", ROWS[command](prefix))
    something_to_see(cluster)
    settings = login(secured, "SCRAM-SHA-512", "operator")
    ended = run_in(tmp_path, settings | {"prefix": prefix, "partitions": "2"}, command)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    says_no_secret(ended.stdout + ended.stderr)


REFUSED = [
    ("topics goals.yaml", ".insights", "DESCRIBE"),
    ("topics goals.yaml --apply", ".insights", "CREATE"),
    ("send goals.yaml events.jsonl", ".events", "WRITE"),
    ("watch --from-start --count 1 --json", ".scores", "READ"),
    ("dlq list", ".dlq", "READ"),
    ("dlq replay --all", ".events", "WRITE"),
    ("dlq replay --all", "-dlq-replay", "WRITE"),
]


@pytest.mark.parametrize(("command", "word", "operation"), REFUSED)
def test_a_command_without_a_right_of_its_row_says_so_and_fails(  # noqa: PLR0913, PLR0917
    secured: Secured, cluster: Cluster, tmp_path: Path, command: str, word: str, operation: str
) -> None:
    prefix = cluster.settings.prefix + ("new" if "--apply" in command else "")
    given = [one for one in ROWS[command](prefix) if one[1:] != (prefix + word, operation)]
    assert len(given) == len(ROWS[command](prefix)) - 1
    secured.allow("operator", given)
    something_to_see(cluster)
    settings = login(secured, "SCRAM-SHA-512", "operator")
    ended = run_in(tmp_path, settings | {"prefix": prefix, "partitions": "2"}, command)
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1, said
    assert "permit" in said or "uthoriz" in said
    assert "Traceback" not in said
    assert "never retrieved" not in said
    says_no_secret(said)


@pytest.mark.parametrize(
    ("lacking", "check", "found"),
    [
        (("TOPIC", ".scores", "WRITE"), "topic {}.scores", "not permitted"),
        (("TOPIC", ".models", "WRITE"), "topic {}.models", "no right to write"),
        (
            ("TOPIC", "-tickets-changelog", "DESCRIBE_CONFIGS"),
            "topic {}-tickets-changelog",
            "no right to describe_configs",
        ),
        (("GROUP", "", "READ"), "group", "uthoriz"),
        (("TRANSACTIONAL_ID", "-*", "WRITE"), "guarantee", "uthoriz"),
    ],
)
def test_the_doctor_names_a_right_that_is_missing(  # noqa: PLR0913, PLR0917
    secured: Secured, cluster: Cluster, tmp_path: Path, lacking: Right, check: str, found: str
) -> None:
    prefix = cluster.settings.prefix
    kind, word, operation = lacking
    given = rights_of_the_doctor(prefix)
    given.remove((kind, prefix + word, operation))
    secured.allow("CN=penchant-worker", given)
    settings = certificate(secured) | {"prefix": prefix, "partitions": "2"}
    ended = run_in(tmp_path, settings, "doctor goals.yaml --wait 0.1 --json")
    needed = operation != "DESCRIBE_CONFIGS"  # by a worker
    assert ended.returncode == needed, ended.stdout
    assert not ended.stderr
    checks = orjson.loads(ended.stdout)["checks"]
    said = {one["check"]: one["found"] for one in checks if one["state"] != "right"}
    assert found in said[check.format(prefix)], said
    says_no_secret(ended.stdout + ended.stderr)


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
