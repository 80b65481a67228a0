"""What is worked out once is remembered, but not without bound."""

from __future__ import annotations

from models.events.recognition import REMEMBERED
from models.goals.compiled import Compiled
from tests.support.factories import config, goal


def test_events_that_meet_ever_other_conditions_are_not_all_remembered() -> None:
    flags = range(16)
    parts = [{"where": {"field": f"properties.f{flag}", "exists": True}} for flag in flags]
    compiled = Compiled(config({"all": goal(outcome={"will": {"all_of": parts}, "within": "1d"})}))
    for bits in range(1, REMEMBERED + 10):
        properties = {f"f{flag}": 1 for flag in flags if bits >> flag & 1}
        numbers = compiled.recogniser.met("visit", {"type": "visit", "properties": properties})
        assert [one.name for one in compiled.effects_of(numbers).advances.values()] == ["all"]
    assert len(compiled._effects) <= REMEMBERED
