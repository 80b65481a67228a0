"""Configurations that want to hurt whoever reads them: refused in no time, with a word."""

from __future__ import annotations

import time

import orjson
import pytest

from models.config.durations import DAY
from models.config.loader import load_config
from models.errors import ConfigError, InvalidEvent
from models.events.parsing import parse_event
from models.events.patterns import compile_pattern
from models.goals.examples import decode_example, encode_example
from tests.support.factories import START, Bench, config, event, records

GOAL = "goals: {churn: {propensity: churn, outcome: {will: {where: %s}, within: 7d}}}"
#: Seconds that anything here may take; what explodes takes years.
SOON = 60.0


def laughs(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


HOSTILE = {
    "a billion laughs": laughs(10),
    "aliases in a circle": "&a [*a]",
    "a mapping that holds itself": "goals: &a {churn: *a}",
    "a Python object": "goals: !!python/object/apply:os.system ['true']",
    "a Python name": "goals: !!python/name:os.system",
    "deep nesting": "goals: " + "[" * 5_000,
    "deep conditions": GOAL % ("{not: " * 300 + "{field: type, equals: x}" + "}" * 300),
    "a merge of merges": "a: &a {b: 1}\nc: &c {<<: *a}\ngoals: {<<: *c}",
    "not a mapping": "- 1",
    "a number": "7",
    "control characters": "goals: \x01",
    "keys that are no text": "{[1, 2]: 3}",
    "null keys": "{null: 3}",
    "a large file": "x" * 2_000_000,
    "a long number": "goals: " + "9" * 100_000,
    "a long duration": GOAL.replace("7d", "9" * 5_000 + "d") % "{field: type, equals: x}",
    "no date": "goals: 2001-99-99",
    "no number": "goals: !!int x",
    "a date": "goals: 2001-12-14t21:59:43.10-05:00",
    "binary": "goals: !!binary aGVsbG8=",
    "two documents": "goals: 1\n---\ngoals: 2",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_configuration_is_refused_soon_and_with_a_short_message(text: str) -> None:
    started = time.monotonic()
    with pytest.raises(ConfigError) as caught:
        load_config(text, "goals.yaml")
    assert time.monotonic() - started < SOON
    assert len(str(caught.value)) < 2_000


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(.*a){20}", "((a{1,30}){1,30})$", "(a?){60}a{60}"]
)
def test_regular_expressions_answer_in_time_linear_in_the_text(pattern: str) -> None:
    """Those of Python take years for these; one that RE2 finds too large is refused."""
    started = time.monotonic()
    try:
        compile_pattern(pattern)("a" * 200_000 + "!")
    except ValueError as error:
        assert "regular expression" in str(error)
    assert time.monotonic() - started < SOON


@pytest.mark.parametrize(
    "pattern", ["(", "a{1000000}", "\\1", "(?=x)", "x" * 501, "(" * 400 + ")" * 400 + "{"]
)
def test_what_re2_does_not_take_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="regular expression"):
        compile_pattern(pattern)


EXAMPLES = [
    ("label", 2), ("label", "1"), ("probability", 7.0), ("probability", "x"), ("kind", "other"),
    ("t0", 5), ("features", {"event/basket/count_1h": 1e300}),
    ("features", {"profile/days": "x"}), ("goal", None), ("features", []),
    ("source", {"partition": -1, "offset": 0}), ("source", {"partition": 10**9, "offset": 0}),
    ("source", {}), ("due", "0001-01-01T00:00:00Z"), ("model_version", 1.5),
    ("features", {"x": None}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_a_poisoned_example_is_refused_and_never_learned(name: str, value: object) -> None:
    bench = Bench(config())
    step = bench.step(
        records([event("p1", START), event("p2", START + 3 * DAY), event("p1", START + 3 * DAY)])
    )
    encoded = orjson.loads(encode_example(step.examples[0]))
    assert decode_example(orjson.dumps(encoded)).goal == "churn"
    with pytest.raises(InvalidEvent) as caught:
        decode_example(orjson.dumps(encoded | {name: value}))
    assert caught.value.reason == "bad_example"
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    "value", [b"", b"{", b"[]", b"null", b"\xff", b'{"features": NaN}', b"[" * 10_000]
)
def test_what_is_no_example_is_refused(value: bytes) -> None:
    with pytest.raises(InvalidEvent, match="bad_example"):
        decode_example(value)


def test_a_message_never_holds_the_payload() -> None:
    secret = "secret-" * 20
    for value in (
        f'{{"event_id": "{secret}"',
        f'{{"event_id": {{"a": "{secret}"}}}}',
        f'"{secret}"',
    ):
        with pytest.raises(InvalidEvent) as caught:
            parse_event(value.encode(), config().limits)
        assert "secret" not in caught.value.message
