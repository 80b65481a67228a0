"""The same credentials reach every client, in the form that it wants."""

from __future__ import annotations

import inspect
import ssl
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from faust.auth import SASLCredentials, SSLCredentials
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth
from kafka import KafkaConsumer
from kafka.admin import KafkaAdminClient

from models.errors import ConfigError
from streams.security import client_options, faust_credentials, ssl_context
from streams.settings import Settings, load_settings
from tests.support.secured import KEY_PASSWORD, make_certificates

LOGIN = {"sasl_username": "me", "sasl_password": "hush-hush", "sasl_mechanism": "SCRAM-SHA-512"}


def test_plain_text_has_no_credentials() -> None:
    options = client_options(Settings(brokers="a:1,b:2"))
    assert options == {
        "bootstrap_servers": ["a:1", "b:2"], "security_protocol": "PLAINTEXT", "ssl_context": None,
    }  # fmt: skip
    assert faust_credentials(Settings()) is None


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
def test_every_client_takes_the_options(protocol: str) -> None:
    login = LOGIN if "SASL" in protocol else {}
    options = client_options(load_settings(security_protocol=protocol, **login))
    for client in (AIOKafkaConsumer, AIOKafkaProducer):
        assert options.keys() <= inspect.signature(client).parameters.keys()
    for other in (KafkaAdminClient, KafkaConsumer):
        assert options.keys() <= other.DEFAULT_CONFIG.keys()


@pytest.mark.parametrize("protocol", ["SSL", "SASL_PLAINTEXT", "SASL_SSL"])
def test_faust_gets_in_the_same_way_as_the_others(protocol: str) -> None:
    settings = load_settings(security_protocol=protocol, **(LOGIN if "SASL" in protocol else {}))
    options, credentials = client_options(settings), faust_credentials(settings)
    assert isinstance(credentials, SASLCredentials if "SASL" in protocol else SSLCredentials)
    used: Any = credentials_to_aiokafka_auth(credentials)
    assert used["security_protocol"] == options["security_protocol"] == protocol
    for name in ("sasl_mechanism", "sasl_plain_username", "sasl_plain_password"):
        assert used.get(name) == options.get(name)
    assert (used.get("ssl_context") is None) == (options["ssl_context"] is None)


def test_brokers_are_checked_unless_told_not_to_check_their_name() -> None:
    checked = ssl_context(load_settings(security_protocol="SSL"))
    assert checked is not None
    assert (checked.verify_mode, checked.check_hostname) == (ssl.CERT_REQUIRED, True)
    lenient = ssl_context(load_settings(security_protocol="SSL", ssl_check_hostname=False))
    assert lenient is not None
    assert (lenient.verify_mode, lenient.check_hostname) == (ssl.CERT_REQUIRED, False)


def test_only_the_given_authority_is_trusted(tmp_path: Path) -> None:
    """Not the system's beside it."""
    one = ssl.create_default_context().get_ca_certs(binary_form=True)
    authority = tmp_path / "ca.pem"
    authority.write_text(ssl.DER_cert_to_PEM_cert(one[0]))
    context = ssl_context(load_settings(security_protocol="SSL", ssl_ca_file=authority))
    assert context is not None
    assert context.get_ca_certs(binary_form=True) == [one[0]]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    make_certificates(tmp_path)
    (tmp_path / "broken.pem").write_text("no certificate")
    return tmp_path


@pytest.mark.parametrize(
    ("given", "variable"),
    [
        ({"ssl_ca_file": "gone.pem"}, "PENCHANT_SSL_CA_FILE"),
        ({"ssl_ca_file": "broken.pem"}, "PENCHANT_SSL_CA_FILE"),
        ({"ssl_cert_file": "gone.pem"}, "PENCHANT_SSL_CERT_FILE"),
        ({"ssl_cert_file": "broken.pem"}, "PENCHANT_SSL_CERT_FILE"),
        ({"ssl_cert_file": "worker.pem", "ssl_key_file": "gone.key"}, "PENCHANT_SSL_KEY_FILE"),
        (
            {"ssl_cert_file": "worker.pem", "ssl_key_file": "worker.locked.key"},
            "PENCHANT_SSL_KEY_FILE",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_told_by_its_variable_and_nobody_is_asked(
    files: Path, given: dict[str, str], variable: str
) -> None:
    paths = {name: files / file for name, file in given.items()}
    with pytest.raises(ConfigError) as told:
        client_options(load_settings(security_protocol="SSL", **paths))
    (problem,) = told.value.problems
    assert problem.place == variable
    assert str(list(paths.values())[-1]) in str(told.value)
    assert KEY_PASSWORD not in str(told.value)


def test_a_locked_key_is_opened_with_its_password(files: Path) -> None:
    given = {"ssl_cert_file": files / "worker.pem", "ssl_key_file": files / "worker.locked.key"}
    settings = load_settings(security_protocol="SSL", ssl_key_password=KEY_PASSWORD, **given)
    assert ssl_context(settings) is not None
