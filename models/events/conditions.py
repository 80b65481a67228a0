"""Conditions compiled once to functions of an event.

A field leads to zero, one or many values (a path through a list means any element); an operator
holds when it holds for at least one of them. Values of different kinds are never equal: ``"5"`` is
not ``5`` and ``true`` is not ``1``. ``not_equals`` and ``not_exists`` hold where ``equals`` and
``exists`` do not, so they hold also for an event without the field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from models.config.conditions import Condition
from models.events.paths import Reader, compile_path, is_number, property_in
from models.events.patterns import compile_pattern

Test = Callable[[dict[str, Any]], bool]
Named = Mapping[str, Condition]


def compile_condition(condition: Condition, named: Named) -> Test:
    """A function of an event's fields.

    Parameters
    ----------
    condition
        What the user wrote.
    named
        The conditions that ``event`` refers to, known not to run in circles.

    Examples
    --------
    >>> rich = Condition(field="properties.amount", at_least=75)
    >>> test = compile_condition(rich, {})
    >>> test({"properties": {"amount": 80}}), test({"properties": {}})
    (True, False)
    """
    folded = fold_condition(condition, named, None)
    return (lambda _fields: folded) if isinstance(folded, bool) else folded


def fold_condition(condition: Condition, named: Named, event_type: str | None) -> Test | bool:
    """What is left of a condition once the event's type is known: an answer, or a shorter test.

    Examples
    --------
    >>> basket = Condition(field="type", equals="basket")
    >>> fold_condition(basket, {}, "basket"), fold_condition(basket, {}, "login")
    (True, False)
    """
    form = condition.form
    if form == "field":
        test = _on_field(condition)
        known = event_type is not None and condition.field == "type"
        return test({"type": event_type}) if known else test
    if form == "event":
        return fold_condition(named[str(condition.event)], named, event_type)
    if condition.not_ is not None:
        return _negated(fold_condition(condition.not_, named, event_type))
    parts = [fold_condition(part, named, event_type) for part in getattr(condition, form)]
    return _combined(parts, decides=form == "any")


def _negated(inner: Test | bool) -> Test | bool:
    return not inner if isinstance(inner, bool) else lambda fields: not inner(fields)


def _combined(parts: list[Test | bool], *, decides: bool) -> Test | bool:
    """All or any of the parts; ``decides`` is the answer of one part that settles the matter."""
    if any(part is decides for part in parts):
        return decides
    tests = [part for part in parts if not isinstance(part, bool)]
    if not tests:
        return not decides
    if len(tests) == 1:
        return tests[0]
    if decides:
        return lambda fields: any(test(fields) for test in tests)
    return lambda fields: all(test(fields) for test in tests)


def expand_condition(condition: Condition, named: Named) -> Any:
    """A condition as plain JSON with its references resolved: what it means, and nothing else."""
    if condition.event is not None:
        return expand_condition(named[condition.event], named)
    if condition.not_ is not None:
        return {"not": expand_condition(condition.not_, named)}
    if condition.form == "field":
        return condition.canonical()
    parts = getattr(condition, condition.form)
    return {condition.form: [expand_condition(part, named) for part in parts]}


def _on_field(condition: Condition) -> Test:
    operator, path = condition.operator, str(condition.field)
    holds = VALUE_TESTS[NEGATIONS.get(operator, operator)](condition.operand)
    test, name = _any_of(compile_path(path), holds), property_in(path)
    if name is not None:
        test = _of_property(name, holds, test)
    return (lambda fields: not test(fields)) if operator in NEGATIONS else test


def _any_of(read: Reader, holds: Callable[[Any], bool]) -> Test:
    """Whether something holds for any of the values that are read; nearly always there is one."""

    def test(fields: dict[str, Any]) -> bool:
        values = read(fields)
        return holds(values[0]) if len(values) == 1 else any(map(holds, values))

    return test


def _of_property(name: str, holds: Callable[[Any], bool], otherwise: Test) -> Test:
    """The same for a property, which nearly always is one number or text."""

    def test(fields: dict[str, Any]) -> bool:
        value = fields["properties"].get(name)
        return holds(value) if type(value) in SINGLE else otherwise(fields)

    return test


def _equals(operand: Any) -> Callable[[Any], bool]:
    kind = (int, float) if is_number(operand) else (type(operand),)
    return lambda value: type(value) in kind and value == operand


def _one_of(operands: list[Any]) -> Callable[[Any], bool]:
    tests = [_equals(operand) for operand in operands]
    return lambda value: any(test(value) for test in tests)


def _matches(pattern: str) -> Callable[[Any], bool]:
    found = compile_pattern(pattern)
    return lambda value: type(value) is str and found(value)


#: For each operator, from its operand to a function of one value.
VALUE_TESTS: dict[str, Callable[[Any], Callable[[Any], bool]]] = {
    "equals": _equals,
    "exists": lambda _: lambda _value: True,
    "starts_with": lambda text: lambda value: type(value) is str and value.startswith(text),
    "ends_with": lambda text: lambda value: type(value) is str and value.endswith(text),
    "contains": lambda text: lambda value: type(value) is str and text in value,
    "one_of": _one_of,
    "more_than": lambda bound: lambda value: is_number(value) and value > bound,
    "at_least": lambda bound: lambda value: is_number(value) and value >= bound,
    "less_than": lambda bound: lambda value: is_number(value) and value < bound,
    "at_most": lambda bound: lambda value: is_number(value) and value <= bound,
    "matches": _matches,
}
#: What no path leads further into.
SINGLE = frozenset((str, int, float, bool))
NEGATIONS = {"not_equals": "equals", "not_exists": "exists"}
