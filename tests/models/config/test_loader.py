"""Wrong configurations say where, what was found and what was expected."""

from __future__ import annotations

import pytest

from models.config.loader import load_config
from models.errors import ConfigError

GOOD = """\
events:
  value: properties.amount
  exclude: {field: properties.is_test, equals: true}
named:
  big_basket:
    title: Big basket
    where: {all: [{field: type, equals: basket}, {field: properties.amount, at_least: 75}]}
  known: {where: {event: big_basket}}
attributes:
  plan: properties.plan
goals:
  churn:
    title: No basket within a week
    propensity: churn
    eligible: {where: {field: type, equals: basket}, in_last: 60d}
    outcome: {will_not: {where: {field: type, equals: basket}}, within: 7d}
  power:
    propensity: conversion
    outcome:
      will: {all_of: [{where: {field: type, equals: basket}, times: 3}, {event: big_basket}]}
      within: 14d
    tickets: {every: 3.5d, share: 1.0}
"""

# what is replaced, by what, the place with its line, found, expected
WRONG = [
    ("goals:", "gaols:", "gaols (line 11)", "an unknown key", "goals (did you mean that?)"),
    ("equals: true", "equal: true", "events.exclude.equal (line 3)", "an unknown key", "equals"),
    ("equals: true", "equals: true, at_least: 3", "events.exclude (line 3)", "at_least",
     "exactly one operator"),
    ("at_least: 75", "at_least: much", "named.big_basket.where.all.1.at_least (line 7)",
     '"much"', "a number"),
    ("within: 7d", "within: 7 dayz", "goals.churn.outcome.within (line 16)", '"7 dayz"', "7d"),
    ("within: 7d", "within: 0d", "goals.churn.outcome.within (line 16)", '"0d"', "longer than zero"),  # noqa: E501
    ("in_last: 60d", "in_last: 60", "goals.churn.eligible.in_last (line 15)", "60", "a unit"),
    ("field: type, equals: basket}, in_last", "field: kind, equals: basket}, in_last",
     "goals.churn.eligible.where.field (line 15)", '"kind"', "starts with one of type"),
    ("{event: big_basket}]", "{event: bigger}]", "goals.power.outcome.will.all_of.1.event (line 20)",  # noqa: E501
     "the unknown event 'bigger'", "an event from named (big_basket, known)"),
    ("where: {all: [{field: type, equals: basket}", "where: {all: [{event: known}",
     "named.big_basket.where (line 7)", "'big_basket' defined by itself", "without circle"),
    ("  power:", "  churn:", "goals.churn (line 17)", "the key again (first in line 12)",
     "each key once"),
    ("equals: true", "matches: '(a'", "events.exclude.matches (line 3)", '"(a"',
     "a regular expression"),
    ("propensity: churn", "propensity: chrun", "goals.churn.propensity (line 14)", '"chrun"',
     "'churn' or 'conversion'"),
    ("share: 1.0", "share: 2", "goals.power.tickets.share (line 22)", "2", "at most 1"),
    ("share: 1.0", "at: {event: known}", "goals.power.tickets (line 22)", "known",
     "either every or at"),
    ("every: 3.5d, share: 1.0", "at: {event: bigger}", "goals.power.tickets.at.event (line 22)",
     "the unknown event 'bigger'", "an event from named (big_basket, known)"),
    ("times: 3", "times: 0", "goals.power.outcome.will.all_of.0.times (line 20)", "0", "at least 1"),  # noqa: E501
    ("will_not: {where", "wont: {where", "goals.churn.outcome (line 16)", "wont",
     "exactly one of will, will_not"),
    ("  churn:", "  Churn rate:", "goals.Churn rate (line 12)", '"Churn rate"', "small letters"),
    ("plan: properties.plan", "plan: plan", "attributes.plan (line 10)", '"plan"', "starts with"),
    ("equals: true", "one_of: []", "events.exclude.one_of (line 3)", "[]", "at least one entry"),
    ("equals: true", "exists: 3", "events.exclude.exists (line 3)", "3", "true"),
    ("    propensity: conversion\n", "", "goals.power.propensity (line 17)", "nothing",
     "it to be given"),
    ("attributes:", "attributes: [", "the file (line 11)", "text that is not YAML", "YAML"),
    ("every: 3.5d", "every: 1s", "goals.power.tickets (line 22)", "1s", "at least a minute"),
    ("every: 3.5d", "every: 1m", "goals.power (line 17)", "propensity", "at most 100 tickets"),
    ("equals: true", "equals: [1]", "events.exclude.equals (line 3)", "[1]", "text, a number"),
]  # fmt: skip


def problems_of(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(text, "goals.yaml")
    return str(caught.value)


def test_the_good_one_is_good() -> None:
    config = load_config(GOOD, "goals.yaml")
    assert list(config.goals) == ["churn", "power"]


@pytest.mark.parametrize(
    ("before", "after", "place", "found", "expected"), WRONG, ids=lambda one: str(one)[:24]
)
def test_wrong_ones_say_where_what_was_found_and_what_to_write(
    before: str, after: str, place: str, found: str, expected: str
) -> None:
    assert before in GOOD
    said = problems_of(GOOD.replace(before, after, 1))
    line = next(line for line in said.splitlines() if place in line)
    assert line.startswith(f"goals.yaml: {place}")
    assert found in line.partition("expected")[0]
    assert expected in line.partition("expected")[2]


def test_all_problems_are_told_at_once() -> None:
    text = GOOD.replace("within: 7d", "within: x").replace("share: 1.0", "share: 0")
    assert len(problems_of(text).splitlines()) == 2


def test_an_empty_file_is_said_to_be_empty() -> None:
    assert "an empty file" in problems_of("")


def test_aliases_that_blow_up_are_refused() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    assert "aliases that blow up" in problems_of(bomb)


def test_a_file_nested_without_end_is_refused() -> None:
    said = "goals.yaml: the file: found lists and mappings nested too deeply, expected fewer levels"
    assert problems_of("a: " + "[" * 3000) == said


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("goals: {}\na: &a [*a]", "a.0 (line 2)"),
        ("goals: &a\n  churn:\n    outcome: *a", "goals.churn.outcome (line 3)"),
        ("&a\ngoals:\n  - *a", "goals.0 (line 1)"),
    ],
)
def test_an_alias_of_what_it_stands_in_is_said_with_its_place(text: str, place: str) -> None:
    said = f"goals.yaml: {place}: found an alias of what it stands in, expected values that end"
    assert problems_of(text) == said


def test_a_date_that_is_none_is_said_and_not_the_name_of_an_error() -> None:
    said = problems_of("goals: 2020-13-45")
    assert "month must be in 1..12" in said
    assert "Error" not in said


def test_a_very_long_file_is_refused() -> None:
    assert "characters" in problems_of("#" * 2_000_000)


def test_an_outcome_that_does_not_fit_its_bits_is_refused() -> None:
    many = ", ".join(["{event: big_basket, times: 65535}"] * 5)
    text = GOOD.replace("{event: big_basket}]", many + "]")
    assert "fewer parts, or smaller times" in problems_of(text)


def test_no_yes_on_and_off_are_texts_and_only_true_and_false_are_not() -> None:
    where = "{field: properties.country, one_of: [se, no, No, on, yes, off, true, False]}"
    outcome = f"{{will: {{where: {where}}}, within: 7d}}"
    text = f"goals:\n  no:\n    propensity: conversion\n    outcome: {outcome}\n"
    happening = load_config(text, "goals.yaml").goals["no"].outcome.happening
    assert happening.where is not None
    assert happening.where.one_of == ["se", "no", "No", "on", "yes", "off", True, False]


def test_a_number_is_what_people_write_as_one() -> None:
    where = "{field: properties.article, one_of: [0123, 12:30, 0, 75, -1, 1_000, 2.5]}"
    outcome = f"{{will: {{where: {where}}}, within: 7d}}"
    text = f"goals: {{g: {{propensity: conversion, outcome: {outcome}}}}}"
    happening = load_config(text, "goals.yaml").goals["g"].outcome.happening
    assert happening.where is not None
    assert happening.where.one_of == ["0123", "12:30", 0, 75, -1, 1_000, 2.5]
