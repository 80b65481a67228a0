"""From the text of a file to a configuration, or to everything that is wrong with it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Set
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from models.config.conditions import KEYS
from models.config.documents import Document, Place, read_document
from models.config.references import check_references
from models.config.schema import Config
from models.errors import ConfigError, Problem

EXPECTED = {
    "missing": "it to be given",
    "string_type": "text",
    "string_pattern_mismatch": "a name of small letters, digits and _, starting with a letter",
    "bool_type": "true or false",
    "dict_type": "a mapping of names",
    "list_type": "a list",
    "model_type": "a mapping of names",
    "int_type": "a whole number",
    "too_short": "at least one entry",
    "literal_error": "{expected}",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than_equal": "at most {le:g}",
    "string_too_short": "text that is not empty",
    "string_too_long": "at most {max_length} characters",
    "too_long": "at most {max_length} entries",
    "finite_number": "a finite number",
}


def load_config(text: str, source: str) -> Config:
    """The configuration in a YAML text.

    Parameters
    ----------
    text
        What the file holds.
    source
        The file's name, for messages.

    Raises
    ------
    ConfigError
        With every problem found, each with its place and line.

    Examples
    --------
    >>> try:
    ...     load_config("goals: {churn: {propensity: churn, outcome: {within: 7d}}}", "g.yaml")
    ... except ConfigError as error:
    ...     print(error)
    g.yaml: goals.churn.outcome (line 1): found {"within": "7d"}, expected exactly one of \
will, will_not, and within
    """
    document = read_document(text, source)
    try:
        config = Config.model_validate(document.values)
    except ValidationError as error:
        raise ConfigError(source, list(_problems(error, document))) from None
    problems = check_references(config)
    if problems:
        raise ConfigError(source, [_placed(problem, document) for problem in problems])
    return config


def _placed(problem: Problem, document: Document) -> Problem:
    line = document.line_of(tuple(problem.place.split(".")))
    return Problem(problem.place, problem.found, problem.expected, line)


def _problems(error: ValidationError, document: Document) -> Iterator[Problem]:
    seen: set[str] = set()
    for details in error.errors(include_url=False):
        place = _place(details["loc"], document.values)
        if ".".join(place) not in seen:  # one of a union's branches says enough
            seen.add(".".join(place))
            yield Problem(
                ".".join(place), _found(details), _expected(details), document.line_of(place)
            )


def _place(loc: tuple[int | str, ...], values: Any) -> Place:
    """The part of a location that exists in the file: pydantic adds the branches of unions."""
    place: list[str] = []
    for step in loc:
        if isinstance(values, dict) and (step in values or step == loc[-1]):
            if step in values or str(step).isidentifier():
                place.append(str(step))
            values = values.get(step)
        elif isinstance(values, list) and isinstance(step, int) and step < len(values):
            place.append(str(step))
            values = values[step]
    return tuple(place)


def _found(details: ErrorDetails) -> str:
    if details["type"] == "missing":
        return "nothing"
    if details["type"] == "extra_forbidden":
        return "an unknown key"
    try:
        shown = json.dumps(details["input"], ensure_ascii=False)
    except (TypeError, ValueError):
        shown = repr(details["input"])
    return shown if len(shown) <= 80 else shown[:77] + "..."


def _expected(details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        return _known_keys(details["loc"])
    if kind in EXPECTED:
        return EXPECTED[kind].format(**context)
    return details["msg"]


def _known_keys(loc: tuple[int | str, ...]) -> str:
    keys = sorted(_keys_at(Config, loc[:-1]))
    near = difflib.get_close_matches(str(loc[-1]), keys, n=1)
    meant = f"{near[0]} (did you mean that?), or " if near else ""
    return f"{meant}one of {', '.join(keys)}"


def _keys_at(part: type[BaseModel], loc: tuple[int | str, ...]) -> Set[str]:
    """The keys that may stand at a location, by walking the models along it."""
    for position, step in enumerate(loc):
        field = next(
            (f for n, f in part.model_fields.items() if str(step) in (n, f.alias or n)), None
        )
        if field is None:
            continue
        for inner in _models_in(field.annotation):
            return _keys_at(inner, loc[position + 1 :])
    return KEYS if part.__name__ == "Condition" else _aliases(part)


def _aliases(part: type[BaseModel]) -> Set[str]:
    return {field.alias or name for name, field in part.model_fields.items()}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)
