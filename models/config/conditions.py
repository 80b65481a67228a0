"""Conditions on one event, as the user writes them.

A condition is ``{field: PATH, OPERATOR: value}``, or a combination: ``{all: [...]}``,
``{any: [...]}``, ``{not: ...}``, or ``{event: NAME}``, an event of the user's own from ``named``.
What they mean is in :mod:`models.events.conditions`.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictStr, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from models.config.base import Part
from models.events.paths import ROOTS, is_number, parse_path
from models.events.patterns import compile_pattern

OPERATORS = (
    "equals", "not_equals", "exists", "not_exists", "starts_with", "ends_with", "contains",
    "one_of", "more_than", "at_least", "less_than", "at_most", "matches",
)  # fmt: skip
COMBINATIONS = ("all", "any", "not", "event")


def _scalar(value: object) -> object:
    if isinstance(value, (bool, str)):
        return value
    if not is_number(value):
        raise PydanticCustomError("scalar", "text, a number, true or false")
    return value


def _number(value: object) -> object:
    if not is_number(value):
        raise PydanticCustomError("number", "a number")
    return value


def _true(value: object) -> object:
    if value is not True:
        raise PydanticCustomError("true", "true")
    return value


def _path(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("path", "a dotted path such as properties.amount")
    try:
        parse_path(value)
    except ValueError as error:
        raise PydanticCustomError("path", "{expected}", {"expected": str(error)}) from None
    return value


def _pattern(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("pattern", "a regular expression in quotes")
    try:
        compile_pattern(value)
    except ValueError as error:
        raise PydanticCustomError("pattern", "{expected}", {"expected": str(error)}) from None
    return value


Scalar = Annotated[
    Any, BeforeValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})
]
Number = Annotated[Any, BeforeValidator(_number), WithJsonSchema({"type": "number"})]
Yes = Annotated[Any, BeforeValidator(_true), WithJsonSchema({"const": True})]
FieldPath = Annotated[
    str,
    BeforeValidator(_path),
    Field(description="A dotted path from " + ", ".join(ROOTS), examples=["properties.amount"]),
]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class Condition(Part):
    """A condition on one event.

    Examples
    --------
    >>> Condition(field="type", equals="basket").operator
    'equals'
    >>> Condition.model_validate({"not": {"field": "properties.amount", "at_least": 75}}).form
    'not'
    """

    field: FieldPath | None = Field(None, description="Where to look in the event")
    equals: Scalar | None = Field(None, description="The same value")
    not_equals: Scalar | None = Field(None, description="Not the same value, or no value at all")
    exists: Yes | None = Field(None, description="There is a value")
    not_exists: Yes | None = Field(None, description="There is no value, or null")
    starts_with: StrictStr | None = Field(None, description="Text that begins so")
    ends_with: StrictStr | None = Field(None, description="Text that ends so")
    contains: StrictStr | None = Field(None, description="Text with this in it")
    one_of: Annotated[list[Scalar], Field(min_length=1, max_length=1000)] | None = Field(
        None, description="The same as one of these values"
    )
    more_than: Number | None = Field(None, description="A number above")
    at_least: Number | None = Field(None, description="A number not below")
    less_than: Number | None = Field(None, description="A number below")
    at_most: Number | None = Field(None, description="A number not above")
    matches: Annotated[str, BeforeValidator(_pattern)] | None = Field(
        None, description="Text in which this regular expression (RE2) finds something"
    )
    all: Annotated[list[Condition], Field(min_length=1, max_length=100)] | None = Field(
        None, description="Every one of these conditions"
    )
    any: Annotated[list[Condition], Field(min_length=1, max_length=100)] | None = Field(
        None, description="At least one of these conditions"
    )
    not_: Condition | None = Field(None, alias="not", description="Not this condition")
    event: Name | None = Field(None, description="An event of your own, from `named`")

    @model_validator(mode="before")
    @classmethod
    def _one_form(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise PydanticCustomError("condition", "a condition such as {field: type, equals: x}")
        forms = [key for key in (*COMBINATIONS, "field") if key in value]
        operators = [key for key in OPERATORS if key in value]
        unknown = [key for key in value if key not in KEYS]
        if unknown:
            return value  # reported as such, key by key
        if len(forms) != 1:
            raise PydanticCustomError("condition", "exactly one of field, all, any, not, event")
        if forms == ["field"] and len(operators) != 1:
            raise PydanticCustomError("operator", "exactly one operator of " + ", ".join(OPERATORS))
        if forms != ["field"] and operators:
            raise PydanticCustomError("operator", "no operator beside {form}", {"form": forms[0]})
        if any(value[key] is None for key in value):
            raise PydanticCustomError("condition", "a value (for no value at all: not_exists)")
        return value

    @property
    def form(self) -> str:
        """Which kind of condition it is: field, all, any, not or event."""
        return "not" if self.not_ else next(n for n in FORMS if getattr(self, n) is not None)

    @property
    def operator(self) -> str:
        """The operator of a condition on a field."""
        return next(name for name in OPERATORS if getattr(self, name) is not None)

    @property
    def operand(self) -> Any:
        """What the operator compares with."""
        return getattr(self, self.operator)

    def canonical(self) -> dict[str, Any]:
        """The condition as plain JSON without what was left out: equal conditions, equal JSON."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


FORMS = ("field", "all", "any", "event")
KEYS = frozenset((*OPERATORS, *COMBINATIONS, "field"))
