"""Settings come from the environment, and what is wrong is said by the variable's name."""

from __future__ import annotations

import pytest

from models.errors import ConfigError
from streams.settings import PREFIX, load_settings, misspelt

SECRET = "hush-hush"  # noqa: S105 - what must not be seen again


def wrong(**given: object) -> str:
    with pytest.raises(ConfigError) as failed:
        load_settings(**given)
    return str(failed.value)


def test_variables_are_read_with_their_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENCHANT_BROKERS", "a:1, b:2")
    monkeypatch.setenv("PENCHANT_PARTITIONS", "12")
    monkeypatch.setenv("PENCHANT_UNKNOWN", "left alone")
    settings = load_settings()
    assert (settings.brokers, settings.partitions) == ("a:1,b:2", 12)
    assert settings.guarantee == "exactly_once"


def test_what_is_given_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENCHANT_PREFIX", "shop")
    assert load_settings(prefix="bank").prefix == "bank"
    assert load_settings(prefix=None).prefix == "shop"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("brokers", "kafka", "host:port, several separated by commas"),
        ("brokers", "kafka:9092,", "host:port, several separated by commas"),
        ("brokers", ":9092", "host:port, several separated by commas"),
        ("brokers", "http://kafka:9092", "host:port, several separated by commas"),
        ("brokers", "kafka:99999", "host:port, several separated by commas"),
        ("brokers", "kafka:0", "host:port, several separated by commas"),
        ("partitions", "none", "valid integer"),
        ("partitions", "0", "expected greater than or equal to 1"),
        ("guarantee", "sometimes", "'exactly_once' or 'at_least_once'"),
        ("prefix", "my shop", "expected a text to match pattern"),
        ("session_timeout", "0.1", "greater than or equal to 1"),
        ("web_port", "70000", "less than or equal to 65535"),
        ("security_protocol", "TLS", "'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT' or 'SASL_SSL'"),
    ],
)
def test_a_wrong_value_is_said_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(PREFIX + name.upper(), value)
    message = wrong()
    assert f"the environment: {PREFIX}{name.upper()}: found {value!r}, expected" in message
    assert said in message


def test_everything_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENCHANT_BROKERS", "kafka")
    monkeypatch.setenv("PENCHANT_PARTITIONS", "0")
    message = wrong()
    assert "PENCHANT_BROKERS" in message
    assert "PENCHANT_PARTITIONS" in message


def test_a_wrong_option_is_said_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    message = wrong(web_port=99_999)
    assert "the command line: --web-port: found 99999, expected less than" in message
    monkeypatch.setenv("PENCHANT_PARTITIONS", "none")
    message = wrong(web_port=99_999)
    assert "the environment: " in message
    assert "PENCHANT_PARTITIONS: found 'none'" in message
    assert "--web-port: found 99999" in message


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PENCHANT_BROKER", "PENCHANT_BROKERS"),
        ("PENCHANT_RUN_RECORD", "PENCHANT_RUN_RECORDS"),
        ("PENCHANT_LOGLEVEL", "PENCHANT_LOG_LEVEL"),
        ("PENCHANT_SASL_USER", "PENCHANT_SASL_USERNAME"),
        ("PENCHANT_WEB_PORT", None),
        ("penchant_web_port", None),
        ("PENCHANT_SERVICE_HOST", None),  # of a Kubernetes service called penchant, as the next
        ("PENCHANT_PORT_6066_TCP_PORT", None),
        ("PENCHANT_COMPLETE", None),
        ("BROKER", None),
    ],
)
def test_a_variable_that_is_nearly_a_setting_is_told_from_others(
    name: str, meant: str | None
) -> None:
    assert misspelt([name]) == ({} if meant is None else {name: meant})


def test_sasl_needs_a_login() -> None:
    message = wrong(security_protocol="SASL_SSL", sasl_username="penchant")
    assert "PENCHANT_SASL_USERNAME and PENCHANT_SASL_PASSWORD with SASL" in message


def test_a_password_is_never_shown() -> None:
    login = {"security_protocol": "SASL_SSL", "sasl_username": "me", "sasl_password": SECRET}
    settings = load_settings(**login)
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings.model_dump())
    assert SECRET not in wrong(**login, partitions=0)
    assert SECRET not in wrong(sasl_password=[SECRET])


@pytest.mark.parametrize(
    "given",
    [
        {"events_topic": "penchant.scores"},
        {"dlq_topic": "orders", "events_topic": "orders"},
        {"prefix": "shop", "insights_topic": "shop.models"},
    ],
)
def test_topics_have_names_of_their_own(given: dict[str, str]) -> None:
    assert "expected a topic of their own for" in wrong(**given)
    assert "the variables" in wrong(**given)
