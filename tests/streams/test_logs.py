"""Logs: a line an occurrence, with what it is about in fields of its own."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import mode
import pytest

from streams.logs import hushed, set_up_logging
from streams.settings import Settings
from tests.support.transport import run

logger = logging.getLogger("penchant.test")


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, put back as it was."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield root
    root.handlers[:], level = before
    root.setLevel(level)


@pytest.fixture
def stream(root: logging.Logger) -> io.StringIO:
    return io.StringIO()


def set_up(stream: io.StringIO, **given: Any) -> None:
    set_up_logging(Settings(**given), stream)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_is_an_object_a_line_with_the_fields_that_were_given(stream: io.StringIO) -> None:
    set_up(stream, log_format="json")
    logger.info("partition %s", "taken on", extra={"partition": 3, "offset": 17})
    (line,) = lines(stream)
    at = datetime.fromisoformat(line.pop("time"))
    assert at.tzinfo is not None
    assert line == {
        "level": "info", "logger": "penchant.test", "message": "partition taken on",
        "partition": 3, "offset": 17,
    }  # fmt: skip


def test_a_bug_is_one_object_with_its_traceback(stream: io.StringIO) -> None:
    set_up(stream, log_format="json")
    nothing: dict[str, int] = {}
    try:
        nothing["lost\nfound"]
    except KeyError:
        logger.exception("it failed")
    (line,) = lines(stream)
    assert line["level"] == "error"
    assert "Traceback" in line["traceback"]
    assert "KeyError" in line["traceback"]


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(("level", "shown"), [("info", False), ("debug", True)])
def test_what_a_bug_says_of_an_event_is_shown_at_debug_level_alone(
    stream: io.StringIO, form: str, level: str, *, shown: bool
) -> None:
    set_up(stream, log_format=form, log_level=level)
    content = "-".join(("household", "7"))  # lines of code are shown as well

    def fail() -> None:
        raise KeyError(content)

    async def crashing() -> None:
        try:
            fail()
        except KeyError as error:
            await mode.Service().crash(error)

    run(crashing)
    said = stream.getvalue()
    assert "the worker stops: a bug, KeyError in test_logs.py:" in said
    assert "Traceback" in said
    assert (content in said) is shown


def test_text_with_line_breaks_stays_on_its_line_in_json(stream: io.StringIO) -> None:
    set_up(stream, log_format="json")
    logger.warning("first\nsecond", extra={"reason": "a\nb"})
    assert stream.getvalue().count("\n") == 1
    assert lines(stream)[0]["message"] == "first\nsecond"


def test_the_console_has_a_line_with_the_fields_behind_it(stream: io.StringIO) -> None:
    set_up(stream, log_format="console")
    logger.info("partition taken on", extra={"partition": 3})
    line = stream.getvalue()
    at, rest = line.split(" ", 1)
    assert datetime.fromisoformat(at).tzinfo is not None
    assert rest == "info    penchant.test partition taken on partition=3\n"


def test_the_console_keeps_what_libraries_say_on_several_lines_on_one(
    stream: io.StringIO,
) -> None:
    set_up(stream)
    logger.error("never retrieved\nfuture: %s", "failed", extra={"where": "here\nthere"})
    (line,) = stream.getvalue().splitlines()
    assert line.endswith("penchant.test never retrieved future: failed where=here there")


@pytest.mark.parametrize(("level", "shown"), [("debug", 4), ("info", 3), ("error", 1)])
def test_the_level_says_what_is_logged(stream: io.StringIO, level: str, shown: int) -> None:
    set_up(stream, log_format="json", log_level=level)
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logger.log(number, "said")
    assert len(lines(stream)) == shown


def test_libraries_are_heard_from_warnings_on_unless_asked(stream: io.StringIO) -> None:
    set_up(stream, log_format="json")
    logging.getLogger("aiokafka.consumer").info("chatter")
    logging.getLogger("aiokafka.consumer").warning("trouble")
    assert [line["message"] for line in lines(stream)] == ["trouble"]
    set_up(stream, log_format="json", log_level="debug")
    logging.getLogger("aiokafka.consumer").debug("a password, perhaps")
    logging.getLogger("mode.services").debug("asked for")
    assert lines(stream)[-1]["message"] == "asked for"


def test_a_library_is_hushed_for_as_long_as_somebody_speaks_for_it(stream: io.StringIO) -> None:
    set_up(stream, log_format="json")
    with hushed("aiokafka"):
        logging.getLogger("aiokafka").error("at length")
    logging.getLogger("aiokafka").error("again")
    assert [line["message"] for line in lines(stream)] == ["again"]


def test_being_set_up_twice_says_nothing_twice(stream: io.StringIO) -> None:
    set_up(stream, log_format="json")
    set_up(stream, log_format="json")
    logger.info("once")
    assert len(lines(stream)) == 1
