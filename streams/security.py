"""The same credentials in the forms that three clients want them."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import CredentialsT

from models.errors import ConfigError, Problem
from streams.settings import Settings


def ssl_context(settings: Settings) -> ssl.SSLContext | None:
    """The TLS context, or None without TLS.

    Raises
    ------
    ConfigError
        A file that cannot be used, by the variable that names it.
    """
    if "SSL" not in settings.security_protocol:
        return None
    authority = settings.ssl_ca_file
    try:
        context = ssl.create_default_context(cafile=str(authority) if authority else None)
    except OSError as error:
        raise _unusable("PENCHANT_SSL_CA_FILE", authority, "certificates", error) from None
    context.check_hostname = settings.ssl_check_hostname
    if settings.ssl_cert_file is not None:
        _show_certificate(context, settings)
    return context


def _show_certificate(context: ssl.SSLContext, settings: Settings) -> None:
    """Let the broker see who we are."""
    names = {"PENCHANT_SSL_CERT_FILE": settings.ssl_cert_file}
    if settings.ssl_key_file is not None:
        names["PENCHANT_SSL_KEY_FILE"] = settings.ssl_key_file
    for name, path in names.items():
        if path is not None and not path.is_file():
            raise _unusable(name, path, "a certificate or its key", FileNotFoundError("no file"))
    password = settings.ssl_key_password
    secret = password.get_secret_value() if password else ""
    try:
        # A function, so that nobody is asked on the terminal for what was not given.
        context.load_cert_chain(
            str(settings.ssl_cert_file), settings.ssl_key_file, password=lambda: secret
        )
    except OSError as error:
        last = next(reversed(names))
        expected = "a certificate and the key that belongs to it, opened by its password"
        raise _unusable(last, names[last], expected, error) from None


def _unusable(name: str, path: Path | None, expected: str, error: OSError) -> ConfigError:
    why = getattr(error, "reason", None) or error.strerror or str(error)
    problem = Problem(name, str(path), f"{expected} as a PEM file ({why})")
    return ConfigError("the environment", [problem])


def client_options(settings: Settings) -> dict[str, Any]:
    """What aiokafka and kafka-python both take, brokers included."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.brokers.split(","),
        "security_protocol": settings.security_protocol,
        "ssl_context": ssl_context(settings),
    }
    if "SASL" in settings.security_protocol and settings.sasl_password is not None:
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": settings.sasl_password.get_secret_value(),
        }
    return options


def faust_credentials(settings: Settings) -> CredentialsT | None:
    """What Faust takes, or None for plain text."""
    context = ssl_context(settings)
    if "SASL" in settings.security_protocol and settings.sasl_password is not None:
        return SASLCredentials(
            username=settings.sasl_username,
            password=settings.sasl_password.get_secret_value(),
            mechanism=settings.sasl_mechanism,
            ssl_context=context,
        )
    return SSLCredentials(context) if context is not None else None
