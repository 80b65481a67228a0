"""Apache Kafka with its own authority, logins and access control lists."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from streams.processes import free_port
from tests.support.apache import Broker

PASSWORDS = {
    "worker": "w0rker-secret", "admin": "adm1n-secret", "stranger": "str4nger-secret",
    "operator": "0perator-secret",
}  # fmt: skip
KEY_PASSWORD = "k3y-secret"  # noqa: S105 - of a key made for this test
Right = tuple[str, str, str]


def _openssl(*arguments: str, folder: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def make_certificates(folder: Path) -> None:
    """An authority ``ca.pem``; ``broker.pem`` (key and certificate); ``NAME.pem``, ``NAME.key``."""
    folder.mkdir(parents=True, exist_ok=True)
    # fmt: off
    for name in ("ca", "other"):
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                 f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem", folder=folder)
    # fmt: on
    for name in ("server", "worker", "stranger"):
        _sign(name, folder)
    chain = (folder / "server.key").read_text() + (folder / "server.pem").read_text()
    (folder / "broker.pem").write_text(chain)
    _openssl(
        "pkcs8",
        "-topk8",
        "-v2",
        "aes256",
        "-passout",
        f"pass:{KEY_PASSWORD}",
        "-in",
        "worker.key",
        "-out",
        "worker.locked.key",
        folder=folder,
    )


def _sign(name: str, folder: Path) -> None:
    _openssl(
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        f"/CN=penchant-{name}",
        "-keyout",
        f"{name}.key",
        "-out",
        f"{name}.csr",
        folder=folder,
    )
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    _openssl(
        "x509",
        "-req",
        "-in",
        f"{name}.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-days",
        "2",
        "-CAcreateserial",
        "-extfile",
        "names",
        "-out",
        f"{name}.pem",
        folder=folder,
    )


@dataclass
class Secured:
    """A broker with three listeners: open to the test itself, by login, by certificate.

    Parameters
    ----------
    broker
        Its open address is that of a superuser.
    login, certificate
        Addresses of the others, both with TLS.
    folder
        Where certificates are.
    """

    broker: Broker
    login: str
    certificate: str
    folder: Path

    def file(self, name: str) -> str:
        """The path of a certificate or key."""
        return str(self.folder / name)

    @contextlib.contextmanager
    def admin(self) -> Iterator[KafkaAdminClient]:
        """The superuser."""
        client = KafkaAdminClient(bootstrap_servers=self.broker.address)
        try:
            yield client
        finally:
            client.close()

    def allow(self, principal: str, rights: Iterable[Right]) -> None:
        """Give rights: (kind, name or PREFIX*, operation)."""
        with self.admin() as client:
            client.create_acls([_acl(principal, *right) for right in rights])


def _acl(principal: str, kind: str, name: str, operation: str) -> ACL:
    pattern = ACLResourcePatternType.LITERAL
    if name.endswith("*"):
        name, pattern = name[:-1], ACLResourcePatternType.PREFIXED
    return ACL(
        principal=f"User:{principal}", host="*", operation=ACLOperation[operation],
        permission_type=ACLPermissionType.ALLOW,
        resource_pattern=ResourcePattern(ResourceType[kind], name, pattern),
    )  # fmt: skip


@contextlib.contextmanager
def secured_kafka(folder: Path) -> Iterator[Secured]:
    """A running broker that lets nobody in without a login, and nobody do what is not allowed."""
    certificates = folder / "certificates"
    make_certificates(certificates)
    broker = Broker(folder / "broker", quick=True)
    login, certificate = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    listeners = f"PLAINTEXT://{broker.address},LOGIN://{login},CERT://{certificate}"
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    users = " ".join(f'user_{name}="{password}"' for name, password in PASSWORDS.items())
    broker.more = {
        "listeners": f"{listeners},CONTROLLER://127.0.0.1:{broker.controller}",
        "advertised.listeners": listeners,
        "listener.security.protocol.map": (
            "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_SSL,CERT:SSL"
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:admin",
        "listener.name.login.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "listener.name.login.plain.sasl.jaas.config": f"{plain} {users};",
        "listener.name.cert.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificates / "broker.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificates / "ca.pem"),
    } | {
        f"listener.name.login.scram-sha-{bits}.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        )
        for bits in (256, 512)
    }
    broker.before_start = tuple(
        ("--add-scram", f"SCRAM-SHA-{bits}=[name={name},password={password}]")
        for name, password in PASSWORDS.items()
        for bits in (256, 512)
    )
    try:
        broker.start()
        yield Secured(broker, login, certificate, certificates)
    finally:
        broker.stop()
