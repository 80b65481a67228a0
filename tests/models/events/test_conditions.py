"""What conditions mean, operator by operator."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.config.conditions import Condition
from models.events.conditions import (
    NEGATIONS,
    VALUE_TESTS,
    compile_condition,
    expand_condition,
)
from models.events.paths import values_at
from models.events.recognition import REMEMBERED, Recogniser

FIELDS = {
    "event_id": "e1",
    "profile_id": "p1",
    "type": "basket",
    "properties": {
        "amount": 80, "one": 1, "yes": True, "text": "abcdef", "five": "5", "none": None,
        "items": [{"sku": "a", "price": 3}, {"sku": "b", "price": 9}, {"price": None}],
        "device": {"os": "ios"}, "tags": ["x", "y"], "empty": [],
    },
}  # fmt: skip

HOLDS = [
    ({"field": "type", "equals": "basket"}, True),
    ({"field": "type", "equals": "Basket"}, False),
    ({"field": "profile_id", "equals": "p1"}, True),
    ({"field": "properties.amount", "equals": 80.0}, True),
    ({"field": "properties.five", "equals": 5}, False),
    ({"field": "properties.yes", "equals": 1}, False),
    ({"field": "properties.one", "equals": True}, False),
    ({"field": "properties.yes", "equals": True}, True),
    ({"field": "properties.missing", "equals": "x"}, False),
    ({"field": "properties.missing", "not_equals": "x"}, True),
    ({"field": "properties.text", "not_equals": "x"}, True),
    ({"field": "properties.text", "not_equals": "abcdef"}, False),
    ({"field": "properties.text", "exists": True}, True),
    ({"field": "properties.none", "exists": True}, False),
    ({"field": "properties.empty", "exists": True}, False),
    ({"field": "properties.none", "not_exists": True}, True),
    ({"field": "properties.device.os", "equals": "ios"}, True),
    ({"field": "properties.device.os.version", "exists": True}, False),
    ({"field": "properties.items.sku", "equals": "b"}, True),
    ({"field": "properties.items.sku", "not_equals": "b"}, False),
    ({"field": "properties.items.price", "more_than": 8}, True),
    ({"field": "properties.items.price", "more_than": 9}, False),
    ({"field": "properties.tags", "one_of": ["q", "y"]}, True),
    ({"field": "properties.text", "starts_with": "abc"}, True),
    ({"field": "properties.text", "ends_with": "def"}, True),
    ({"field": "properties.text", "contains": "cd"}, True),
    ({"field": "properties.amount", "contains": "8"}, False),
    ({"field": "properties.amount", "at_least": 80}, True),
    ({"field": "properties.amount", "at_most": 80}, True),
    ({"field": "properties.amount", "less_than": 80}, False),
    ({"field": "properties.five", "at_least": 1}, False),
    ({"field": "properties.yes", "at_least": 1}, False),
    ({"field": "properties.text", "matches": "^a.*f$"}, True),
    ({"field": "properties.text", "matches": "z"}, False),
    ({"field": "properties.amount", "matches": "8"}, False),
    ({"all": [{"field": "type", "exists": True}, {"field": "properties.yes", "equals": True}]}, True),  # noqa: E501
    ({"all": [{"field": "type", "exists": True}, {"field": "properties.yes", "equals": False}]}, False),  # noqa: E501
    ({"any": [{"field": "type", "equals": "x"}, {"field": "properties.yes", "equals": True}]}, True),  # noqa: E501
    ({"not": {"field": "type", "equals": "x"}}, True),
    ({"event": "rich"}, True),
    ({"not": {"any": [{"event": "rich"}, {"field": "type", "equals": "x"}]}}, False),
]  # fmt: skip
NAMED = {"rich": Condition(field="properties.amount", at_least=75)}


@pytest.mark.parametrize(("written", "expected"), HOLDS, ids=lambda one: str(one)[:60])
def test_a_condition_holds_as_documented(written: dict[str, Any], expected: bool) -> None:
    condition = Condition.model_validate(written)
    assert compile_condition(condition, NAMED)(FIELDS) is expected


CONDITIONS = st.recursive(
    st.sampled_from([written for written, _ in HOLDS[:34]]),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=6,
)


def plainly(written: dict[str, Any]) -> bool:
    """A condition evaluated by its combinations alone, its leaves as tabled above."""
    if "all" in written:
        return all(map(plainly, written["all"]))
    if "any" in written:
        return any(map(plainly, written["any"]))
    if "not" in written:
        return not plainly(written["not"])
    return next(expected for known, expected in HOLDS if repr(known) == repr(written))


@given(st.lists(CONDITIONS, min_size=1, max_size=5))
def test_recognising_by_type_gives_the_same_answers(written: list[dict[str, Any]]) -> None:
    recogniser = Recogniser({})
    conditions = [Condition.model_validate(one) for one in written]
    numbers = [recogniser.number(one) for one in conditions]
    met = recogniser.met("basket", FIELDS)
    assert [number in met for number in numbers] == [plainly(one) for one in written]


ASKED = [
    {"equals": "a"}, {"equals": 1}, {"equals": True}, {"not_equals": "a"}, {"exists": True},
    {"not_exists": True}, {"one_of": ["a", 1]}, {"contains": "a"}, {"at_least": 1},
    {"less_than": 1}, {"matches": "a"},
]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.text("ab", max_size=2) | st.sampled_from([0, 1, 1.0, 2.5]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("a"), inner),
    max_leaves=4,
)


@given(st.sampled_from(ASKED), st.dictionaries(st.just("n"), VALUES))
def test_a_property_is_asked_like_any_values_at_a_path(
    asked: dict[str, Any], properties: dict[str, Any]
) -> None:
    condition = Condition.model_validate({"field": "properties.n", **asked})
    operator, values = condition.operator, list(values_at(properties, ("n",)))
    holds = VALUE_TESTS[NEGATIONS.get(operator, operator)](condition.operand)
    expected = any(map(holds, values)) is not (operator in NEGATIONS)
    assert compile_condition(condition, {})({"type": "t", "properties": properties}) is expected


def test_equal_conditions_share_a_number_wherever_they_stand() -> None:
    recogniser = Recogniser(NAMED)
    first = recogniser.number(Condition(field="properties.amount", at_least=75))
    assert recogniser.number(Condition(event="rich")) == first
    assert recogniser.number(Condition(field="properties.amount", at_least=76)) != first


def test_a_flood_of_types_only_empties_the_memory() -> None:
    recogniser = Recogniser({})
    basket = recogniser.number(Condition(field="type", equals="basket"))
    for number in range(REMEMBERED + 100):
        assert recogniser.met(f"type-{number}", FIELDS | {"type": f"type-{number}"}) == []
    assert len(recogniser._plans) <= REMEMBERED
    assert recogniser.met("basket", FIELDS) == [basket]


def test_a_regular_expression_cannot_explode() -> None:
    evil = compile_condition(Condition(field="properties.text", matches="^(a+)+$"), {})
    assert evil({"properties": {"text": "a" * 10_000 + "b"}}) is False


def test_a_condition_expanded_holds_no_references() -> None:
    expanded = expand_condition(Condition.model_validate({"not": {"event": "rich"}}), NAMED)
    assert expanded == {"not": {"field": "properties.amount", "at_least": 75}}
