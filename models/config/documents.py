"""YAML documents with their places: every path in the file knows its line.

A safe loader of PyYAML's builds the values; the node tree beside it tells lines, catches keys that
stand twice (YAML would silently keep the last) and bounds what aliases may blow up to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from models.errors import ConfigError, Problem

LONGEST = 1_000_000
MOST_NODES = 100_000

Place = tuple[str, ...]
#: What an unquoted text means: YAML 1.1 would take Norway's ``no`` for false, the article ``0123``
#: for 83 and the time ``12:30`` for 750.
PLAIN = {
    "tag:yaml.org,2002:bool": (re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF"),
    "tag:yaml.org,2002:int": (re.compile(r"^[-+]?(?:0|[1-9][0-9_]*)$"), "-+0123456789"),
}


class Loader(yaml.SafeLoader):
    """The safe loader, which leaves more texts as they are."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way of saying it
        first: [(tag, pattern) for tag, pattern in known if tag not in PLAIN]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


for _tag, (_pattern, _firsts) in PLAIN.items():
    Loader.add_implicit_resolver(_tag, _pattern, list(_firsts))


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read: its values and the line of every place in it."""

    source: str
    values: Any
    lines: dict[Place, int]

    def line_of(self, place: Place) -> int | None:
        """The line of a place, or of the nearest place around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place)


def read_document(text: str, source: str) -> Document:
    r"""Read YAML text.

    Raises
    ------
    ConfigError
        Not YAML, too large, without an end, or the same key twice.

    Examples
    --------
    >>> read_document("goals:\n  churn: {}\n", "goals.yaml").lines[("goals", "churn")]
    2
    """
    if len(text) > LONGEST:
        raise _wrong(source, f"{len(text):,} characters", f"at most {LONGEST:,}")
    try:
        root = yaml.compose(text, Loader=Loader)
        if root is None:
            raise _wrong(source, "an empty file", "a configuration with goals")
        lines, doubled = _places(root, source)
        if doubled:
            raise ConfigError(source, doubled)
        return Document(source, Loader(text).get_single_data(), lines)
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # dates and numbers: bare errors
        raise ConfigError(source, [_unreadable(error)]) from None


def _places(root: yaml.Node, source: str) -> tuple[dict[Place, int], list[Problem]]:
    lines: dict[Place, int] = {}
    doubled: list[Problem] = []
    again: set[Place] = set()
    for count, (place, node, endless) in enumerate(_walk(root, (), frozenset())):
        if count > MOST_NODES:
            raise _wrong(source, "aliases that blow up", f"at most {MOST_NODES:,} values")
        line = node.start_mark.line + 1
        if endless:
            found = "an alias of what it stands in"
            raise ConfigError(source, [Problem(".".join(place), found, "values that end", line)])
        if place in lines:
            again.add(place)
            if place[:-1] not in again:  # what lies below a doubled key is doubled with it
                found = f"the key again (first in line {lines[place]})"
                doubled.append(Problem(".".join(place), found, "each key once", line))
        lines.setdefault(place, line)
    return lines, doubled


def _walk(
    node: yaml.Node, place: Place, around: frozenset[int]
) -> Iterator[tuple[Place, yaml.Node, bool]]:
    """Every place, its node, and whether that is one of those around it: there is no way down."""
    yield place, node, id(node) in around
    around |= {id(node)}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            # The line of an entry is the line of its key: that is where a reader looks for it.
            below = _walk(value, (*place, str(key.value)), around)
            for number, (inner, at, endless) in enumerate(below):
                yield inner, (at if number else key), endless
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _walk(value, (*place, str(number)), around)


def _wrong(source: str, found: str, expected: str) -> ConfigError:
    return ConfigError(source, [Problem("", found, expected)])


def _unreadable(error: Exception) -> Problem:
    if isinstance(error, RecursionError):
        return Problem("", "lists and mappings nested too deeply", "fewer levels")
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or str(error)
    return Problem("", f"text that is not YAML: {said}", "YAML", mark.line + 1 if mark else None)
