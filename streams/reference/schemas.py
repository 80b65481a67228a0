"""JSON Schemas of the records and of the configuration file, from their pydantic models."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from models.config.durations import format_duration
from models.config.schema import Config
from models.events.schema import ExperienceEvent
from models.goals.examples import ExampleRecord
from models.learning.snapshot import Snapshot
from models.quality.insight import InsightRecord
from models.receipts import ReceiptRecord
from models.scoring.records import ScoreRecord

DIALECT = "https://json-schema.org/draft/2020-12/schema"
#: File name -> model.
RECORDS: dict[str, type[BaseModel]] = {
    "event": ExperienceEvent,
    "score": ScoreRecord,
    "example": ExampleRecord,
    "snapshot": Snapshot,
    "insight": InsightRecord,
    "receipt": ReceiptRecord,
}
MODELS = RECORDS | {"configuration": Config}


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a record, or of the configuration file.

    Examples
    --------
    >>> json_schema("score")["properties"]["score"]["type"]
    'number'
    """
    model = MODELS[name]
    _, definitions = models_json_schema([(model, "validation")], by_alias=True)
    schemas = definitions["$defs"]
    own = schemas.pop(model.__name__)
    schema: dict[str, Any] = {"$schema": DIALECT, **own}
    if schemas:
        schema["$defs"] = schemas
    cleaned: dict[str, Any] = _clean(schema)
    return cleaned


def json_text(document: object) -> str:
    """JSON as it is committed."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _clean(node: Any, *, names: bool = False) -> Any:
    """Without made-up titles and with descriptions that are for users.

    Parameters
    ----------
    node
        A part of a schema.
    names
        Whether its keys are names of the user's fields and not words of JSON Schema.
    """
    if isinstance(node, list):
        return [_clean(one) for one in node]
    if not isinstance(node, dict):
        return node
    cleaned = {
        key: _clean(value, names=not names and key in ("properties", "$defs"))
        for key, value in node.items()
        if names or key != "title" or not isinstance(value, str)
    }
    return cleaned if names else _said_for_users(cleaned)


def _said_for_users(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with its description in one paragraph and its default as one would write it."""
    if "description" in schema:
        schema["description"] = first_paragraph(schema["description"])
    default = schema.get("default")
    if isinstance(default, dict):  # a part of its own says what is in it
        del schema["default"]
    elif isinstance(default, int) and "ms|s|m|h|d|w" in str(schema):
        schema["default"] = format_duration(default)
    return schema


def first_paragraph(text: str) -> str:
    r"""The first paragraph of a docstring, on one line.

    Examples
    --------
    >>> first_paragraph("One\nline.\n\nMore.")
    'One line.'
    """
    return " ".join(text.split("\n\n", maxsplit=1)[0].split())
