from __future__ import annotations

from pathlib import Path

import orjson
import pytest
import yaml
from jsonschema import Draft202012Validator

from models.goals.examples import encode_example
from streams import generate
from streams.reference.schemas import MODELS, json_schema
from tests.support.factories import Bench, config, event, goal, habits, records, trained


def test_nothing_generated_is_stale() -> None:
    assert generate.stale() == []


def test_writing_mends_what_is_stale(tmp_path: Path) -> None:
    written = generate.write(tmp_path)
    assert written == list(generate.DOCUMENTS)
    (tmp_path / written[0]).write_text("changed")
    assert generate.stale(tmp_path) == [written[0]]
    assert generate.write(tmp_path) == [written[0]]
    assert generate.stale(tmp_path) == []


@pytest.mark.parametrize("name", MODELS)
def test_schemas_are_valid_json_schema(name: str) -> None:
    Draft202012Validator.check_schema(json_schema(name))


def test_real_records_are_what_their_schemas_say() -> None:
    asked = config({"churn": goal(tickets={"every": "12h"})})
    bench = Bench(asked)
    log = habits(profiles=40, days=20)
    steps = bench.run(records(log))
    snapshot = trained(asked, "churn", steps).snapshot()
    bench.engine.adopt(snapshot)
    late = bench.run(records([event(at=log[-1]["timestamp"] + 1)], first=len(log)))
    said = [value for step in late for _, value in step.scores if value is not None]
    assert said
    found = {
        "event": [orjson.dumps(one) for one in log],
        "score": said,
        "example": [encode_example(one) for step in steps for one in step.examples],
        "snapshot": [snapshot.model_dump_json().encode()],
    }
    for name, values in found.items():
        validator = Draft202012Validator(json_schema(name))
        for value in values:
            validator.validate(orjson.loads(value))


def test_every_schema_of_a_channel_is_committed() -> None:
    document = yaml.safe_load(generate.DOCUMENTS["docs/asyncapi.yaml"]())
    for message in document["components"]["messages"].values():
        assert f"docs/{message['payload']['$ref']}" in generate.DOCUMENTS
