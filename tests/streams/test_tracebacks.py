"""Tracebacks tell where, and of what a bug says nothing."""

from __future__ import annotations

from typing import NoReturn

import pytest
from aiokafka.errors import NodeNotReadyError

from models.errors import StateError
from streams.tracebacks import traceback_of

SECRET = "household-7"  # noqa: S105 - an event's content


def bug() -> NoReturn:
    raise KeyError(SECRET)


def raised(cause: type[Exception] | None = ValueError, *, handled: bool = True) -> BaseException:
    """An error with another one before it, both with an event's content in what they say."""
    try:
        try:
            bug()
        except KeyError as first:
            assert cause is not None
            raise cause(f"of {SECRET}") from (first if handled else None)
    except Exception as error:  # noqa: BLE001 - it is what is asked for
        return error


def test_kinds_and_places_of_a_chain_are_told_and_no_texts() -> None:
    told = traceback_of(raised())
    assert SECRET not in told
    assert told.index("KeyError") < told.index("was the cause of") < told.index("ValueError")
    assert "in bug\n" in told
    assert "raise KeyError(SECRET)" in told  # code is nobody's secret
    assert told.count("Traceback (most recent call last):") == 2


def test_what_was_raised_from_nothing_comes_alone() -> None:
    told = traceback_of(raised(handled=False))
    assert told.splitlines()[-1] == "ValueError"
    assert "KeyError" not in told.replace("except KeyError", "")


def test_a_circle_of_causes_ends() -> None:
    first, second = KeyError(SECRET), ValueError(SECRET)
    first.__cause__, second.__cause__ = second, first
    assert traceback_of(first).count("KeyError") == 1


@pytest.mark.parametrize(
    "error", [OSError(24, "Too many open files"), NodeNotReadyError("node 1"), StateError("old")]
)
def test_what_the_machine_or_the_brokers_say_is_told(error: Exception) -> None:
    assert traceback_of(error).endswith(str(error))
