"""The topics as an AsyncAPI document: who sends what where, with which key."""

from __future__ import annotations

from typing import Any

import yaml

from streams.settings import Settings
from streams.topics import topics_of

#: Topic -> what a message is called, its schema, its key, whether we receive it, and what it is.
CHANNELS = {
    "events": ("experienceEvent", "event", "The profile id", True,
               "What profiles did; a null value erases the profile"),
    "scores": ("score", "score", "GOAL/PROFILE_ID, on the partition of the profile's events", False,
               "How likely each goal is, and why; a null value takes a score back"),
    "examples": ("example", "example", "The goal", False, "Tickets with their outcome"),
    "models": ("snapshot", "snapshot", "The goal", False, "The numbers of a goal's model"),
    "insights": ("insight", "insight", "The goal", False,
                 "How far each goal is, how good it has been, and what it looks at"),
    "erasures": ("receipt", "receipt", "The profile id", False,
                 "That a profile was erased because a record asked for it"),
}  # fmt: skip


def asyncapi() -> str:
    """The document, YAML."""
    topics = topics_of(Settings.model_construct(**_defaults()))
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for name, (message, schema, key, received, about) in CHANNELS.items():
        channels[name] = {
            "address": getattr(topics, name),
            "description": about,
            "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        }
        operations[("receive" if received else "send") + name.title()] = {
            "action": "receive" if received else "send",
            "channel": {"$ref": f"#/channels/{name}"},
        }
        messages[message] = {
            "contentType": "application/json",
            "payload": {"$ref": f"schemas/{schema}.schema.json"},
            "bindings": {"kafka": {"key": {"type": "string", "description": key}}},
        }
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Penchant",
            "version": "1",
            "description": "Propensity scores with reasons for every profile. Topic names begin "
            "with PENCHANT_PREFIX, or are set one by one.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }
    return yaml.safe_dump(document, sort_keys=False, width=100, allow_unicode=True)


def _defaults() -> dict[str, Any]:
    """The settings as they are without an environment: the document must not depend on one."""
    return {
        name: field.get_default(call_default_factory=True)
        for name, field in Settings.model_fields.items()
    }
