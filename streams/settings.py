"""Everything about the place: where the brokers are, how to get in, how much to take at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.errors import ConfigError, Problem

PREFIX = "PENCHANT_"
#: Topics that may be called something else than PREFIX and this.
TOPICS = ("events", "scores", "examples", "models", "insights", "dlq", "erasures")
MOST_PORT = 65_535
#: How much of a name has to be that of a setting for it to be meant: one letter of five is wrong.
NEARLY = 0.8
Port = Annotated[int, Field(ge=0, le=MOST_PORT)]
Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,120}$")]


class Settings(BaseSettings):
    """Environment variables, each with ``PENCHANT_`` in front."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    brokers: str = Field("localhost:9092", description="host:port of brokers, comma separated")
    prefix: Name = Field("penchant", description="Of topics, group and transactions")
    partitions: Annotated[int, Field(ge=1, le=4096)] = Field(
        8, description="Partitions of the events topic and of what goes with it"
    )
    replication: Annotated[int, Field(ge=1, le=10)] = Field(
        1, description="Replicas of every topic that is created; 3 in production"
    )
    guarantee: Literal["exactly_once", "at_least_once"] = Field(
        "exactly_once", description="Transactions, or in order where a broker has none"
    )
    data_dir: Path = Field(Path(".penchant"), description="Where the worker may write")
    web_host: str = Field("127.0.0.1", description="Where /metrics and health are served")
    web_port: Port = Field(6066, description="And the port; 0 for any free one")
    log_format: Literal["console", "json"] = Field(
        "console", description="A line a person reads, or a JSON object a line"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What is logged"
    )

    traces: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="Share of runs recorded as OpenTelemetry traces; OTEL_... say where to"
    )

    events_topic: Name | None = Field(None, description="Instead of PREFIX.events")
    scores_topic: Name | None = Field(None, description="Instead of PREFIX.scores")
    examples_topic: Name | None = Field(None, description="Instead of PREFIX.examples")
    models_topic: Name | None = Field(None, description="Instead of PREFIX.models")
    insights_topic: Name | None = Field(None, description="Instead of PREFIX.insights")
    dlq_topic: Name | None = Field(None, description="Instead of PREFIX.dlq")
    erasures_topic: Name | None = Field(None, description="Instead of PREFIX.erasures")

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to talk to the brokers"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="How to log in"
    )
    sasl_username: str | None = Field(None, description="As whom")
    sasl_password: SecretStr | None = Field(None, description="With which password")
    ssl_ca_file: Path | None = Field(None, description="Whom to trust; the system's if left out")
    ssl_cert_file: Path | None = Field(None, description="The client's certificate")
    ssl_key_file: Path | None = Field(None, description="Its key")
    ssl_key_password: SecretStr | None = Field(None, description="The key's password")
    ssl_check_hostname: bool = Field(True, description="Whether a broker's name must be its own")

    run_records: Annotated[int, Field(ge=1, le=10_000)] = Field(
        10_000, description="Records of a partition taken in one step, at most; where they take "
        "longer than a tenth of a second, fewer, but 2,500 always",
    )  # fmt: skip
    session_timeout: Annotated[float, Field(ge=1, le=300)] = Field(
        20.0, description="Seconds after which a silent worker loses its partitions"
    )
    transaction_timeout: Annotated[float, Field(ge=1, le=900)] = Field(
        30.0, description="Seconds after which the broker ends a transaction left open"
    )
    snapshot_every: Annotated[float, Field(ge=0.05, le=60)] = Field(
        1.0, description="Seconds between snapshots of a model that is learning"
    )
    trainers_apart: bool = Field(
        True, description="Whether trainers have a process of their own, so that learning does not "
        "keep scores waiting; without it a worker is one process, some 90 MiB smaller",
    )  # fmt: skip

    poison_crashes: Annotated[int, Field(ge=0, le=1_000)] = Field(
        3, description="Crashes at the same records after which the one that brings them about is "
        "found and becomes a dead letter; 0 for never",
    )  # fmt: skip
    live_within: Annotated[float, Field(ge=10, le=86_400)] = Field(
        300.0, description="Seconds without progress while records wait, until /livez says no"
    )

    def topic(self, what: str) -> str:
        """The name of one of :data:`TOPICS`."""
        given: str | None = getattr(self, f"{what}_topic")
        return given or f"{self.prefix}.{what}"

    @field_validator("brokers")
    @classmethod
    def _brokers(cls, value: str) -> str:
        for broker in value.split(","):
            host, _, port = broker.strip().rpartition(":")
            if not host or "/" in host or not port.isdecimal() or not 0 < int(port) <= MOST_PORT:
                raise ValueError("host:port, several separated by commas")
        return ",".join(broker.strip() for broker in value.split(","))

    @model_validator(mode="after")
    def _distinct(self) -> Settings:
        known: dict[str, str] = {}
        for what in TOPICS:
            name = self.topic(what)
            if (other := known.setdefault(name, what)) != what:
                raise ValueError(
                    f"a topic of their own for {other} and {what}, not {name} for both"
                )
        return self

    @model_validator(mode="after")
    def _login(self) -> Settings:
        if "SASL" in self.security_protocol and not (self.sasl_username and self.sasl_password):
            raise ValueError("PENCHANT_SASL_USERNAME and PENCHANT_SASL_PASSWORD with SASL")
        return self


def load_settings(**given: Any) -> Settings:
    """Settings from the environment; what is given comes before it.

    Raises
    ------
    ConfigError
        A variable that is wrong, by its name.
    """
    options = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**options)
    except ValidationError as error:
        wrong = error.errors()
        by_hand = all(one["loc"] and one["loc"][0] in options for one in wrong)
        where = "the command line" if by_hand else "the environment"
        raise ConfigError(where, [_problem(one, options) for one in wrong]) from None


def misspelt(environment: Iterable[str]) -> dict[str, str]:
    """Variables that are nearly a setting -> which one. Others may be somebody else's.

    Examples
    --------
    >>> misspelt(["PENCHANT_BROKER", "PENCHANT_BROKERS", "PENCHANT_SERVICE_HOST", "BROKER"])
    {'PENCHANT_BROKER': 'PENCHANT_BROKERS'}
    """
    known = [name.upper() for name in Settings.model_fields]
    found: dict[str, str] = {}
    for name in environment:
        rest = name.removeprefix(PREFIX)
        if rest != name and rest not in known:
            for near in get_close_matches(rest, known, n=1, cutoff=NEARLY):
                found[name] = PREFIX + near
    return found


def _problem(details: ErrorDetails, options: Mapping[str, Any]) -> Problem:
    named = "_".join(str(step) for step in details["loc"])
    name = PREFIX + named.upper() if named else "the variables"
    secret = "PASSWORD" in name
    if named in options:
        name = "--" + named.replace("_", "-")
    found = "a value" if secret or not named else repr(details["input"])
    expected = details["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return Problem(name, found, expected.replace("String should match", "a text to match"))
