"""Bytes that version 1 has written are read for ever: they are in people's changelogs.

``formats/version_1.json`` holds bytes as they were once written, and what they hold. It is never
written anew: a test that fails here means that a format has changed without a version of its own.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from models.config.loader import load_config
from models.errors import StateError
from models.goals.clock import Clock
from models.goals.tickets import unpack_ticket
from models.learning.state import join_state, load_trainer, split_state
from models.learning.trainer import trainers_of
from models.poison import unpack_crashes
from models.profiles.codec import unpack
from models.scoring.roster import GOALS_KEY, roster_of

CONFIG = """\
events: {value: properties.amount}
attributes: {plan: properties.plan}
goals:
  churn:
    propensity: churn
    eligible: {where: {field: type, equals: basket}, in_last: 60d}
    outcome: {will_not: {where: {field: type, equals: basket}}, within: 7d}
"""
STORED: dict[str, Any] = orjson.loads(
    (Path(__file__).parent / "formats/version_1.json").read_bytes()
)


def of_profile(packed: bytes) -> Any:
    profile = unpack(packed)
    days = list(msgspec.structs.astuple(profile.days))
    fields = list(msgspec.structs.astuple(profile))
    return [
        days
        if field is profile.days
        else sorted(map(list, field.items()))
        if isinstance(field, dict)
        else field.hex()
        if isinstance(field, bytes | bytearray)
        else field
        for field in fields
    ]


def of_clock(packed: bytes) -> Any:
    clock = Clock(allowed_lateness=0, max_jump=0)
    clock.unpack(packed)
    return dataclasses.asdict(clock)


def of_ticket(packed: bytes) -> Any:
    ticket = unpack_ticket(packed)
    raw = ticket.raw
    about = [ticket.goal, ticket.t0, ticket.probability, ticket.model_version]
    return [*about, raw.profile.tolist(), raw.names, raw.rows.tolist(), raw.attributes]


def of_trainer(packed: bytes) -> Any:
    trainer = trainers_of(load_config(CONFIG, "formats"))["churn"]
    joined = join_state("churn", dict(split_state("churn", packed)))
    assert joined == packed
    load_trainer(trainer, packed)
    return [trainer.snapshot().model_dump(mode="json"), trainer.marks(), trainer.quality.dump()]


READ: dict[str, Callable[[bytes], Any]] = {
    "profile": of_profile,
    "clock": of_clock,
    "roster": lambda packed: roster_of({GOALS_KEY: packed}).names,
    "ticket": of_ticket,
    "crashes": lambda packed: unpack_crashes(packed)._asdict(),
    "trainer": of_trainer,
}


def plain(name: str, packed: bytes) -> Any:
    """What bytes hold, as plain JSON."""
    return orjson.loads(orjson.dumps(READ[name](packed), option=orjson.OPT_NON_STR_KEYS))


@pytest.mark.parametrize("name", READ)
def test_what_version_1_has_written_is_read(name: str) -> None:
    packed = base64.b64decode(STORED[name]["bytes"])
    assert plain(name, packed) == STORED[name]["holds"]


@pytest.mark.parametrize("name", [name for name in READ if name != "trainer"])
def test_what_a_newer_version_has_written_is_refused_and_named(name: str) -> None:
    packed = base64.b64decode(STORED[name]["bytes"])
    assert packed[0] == 1
    with pytest.raises(StateError, match="version"):
        plain(name, b"\x02" + packed[1:])


def test_a_trainer_of_a_newer_version_is_refused_and_named() -> None:
    rows = dict(split_state("churn", base64.b64decode(STORED["trainer"]["bytes"])))
    rows[b"churn"] = orjson.dumps(orjson.loads(rows[b"churn"]) | {"version": 2})
    with pytest.raises(StateError, match="trainer state of version 2"):
        join_state("churn", rows)
