"""A dry run says in codes what keeps a goal from being ready, with have and need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from models.config.durations import DAY, HOUR
from models.learning.readiness import CODES
from streams.cli import main
from streams.offline.dry_run import Check, Finding, dry_run
from streams.offline.layout import PLAIN
from tests.support.factories import BASKET, START, config, event, goal, habits

END = START + 40 * DAY
NEVER = {"field": "type", "equals": "unheard_of"}


def checked(folder: Path, goals: dict[str, Any], log: list[dict[str, Any]], **more: Any) -> Check:
    path = folder / "events.jsonl"
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in log))
    return dry_run(config(goals, **more), str(path), PLAIN, END, lambda *_: None)


def codes(findings: list[Finding]) -> list[str]:
    return [one.code for one in findings]


@pytest.fixture(scope="module")
def log() -> list[dict[str, Any]]:
    return habits(profiles=40, days=40)


def test_a_goal_with_enough_of_everything_has_no_findings(
    tmp_path: Path, log: list[dict[str, Any]]
) -> None:
    found = checked(tmp_path, {"churn": goal(tickets={"every": "12h"})}, log)
    assert found.goals[0].findings == []
    assert found.findings == []
    assert found.goals[0].eligible == 40
    assert found.goals[0].status == "ready"
    assert len([rate for rate in found.goals[0].base_rates if rate is not None]) == 12


def test_what_is_missing_is_said_with_have_and_need(
    tmp_path: Path, log: list[dict[str, Any]]
) -> None:
    week = [one for one in log if one["timestamp"] < START + 7 * DAY]
    goals = {
        "nobody": goal(eligible={"where": NEVER, "in_last": "60d"}),
        "never": goal(outcome={"will": {"where": NEVER}, "within": "1d"}, tickets={"every": "2h"}),
        "always": goal(
            outcome={"will_not": {"where": NEVER}, "within": "1d"}, tickets={"every": "2h"}
        ),
        "few": goal(),
        "long": goal(outcome={"will": {"where": BASKET}, "within": "5d"}),
        "longer": goal(outcome={"will": {"where": BASKET}, "within": "20d"}),
    }
    found = {one.name: one for one in checked(tmp_path, goals, week).goals}
    assert codes(found["nobody"].findings)[0] == "no_eligible_profile"
    assert codes(found["never"].findings)[0] == "no_outcome"
    assert codes(found["always"].findings)[0] == "outcome_always"
    few = found["few"].findings[0]
    assert (few.code, few.have, few.need) == ("too_few_labels", found["few"].labelled, 500)
    assert found["long"].findings[0].code == "window_not_matured"
    assert found["long"].findings[0].need == 5
    assert codes(found["longer"].findings)[0] == "no_labels"
    history = found["nobody"].findings[-1]
    assert history.code == "history_too_short"
    assert (round(history.have), history.need) == (7, 61)


def test_too_few_of_the_rarer_class_is_said(tmp_path: Path, log: list[dict[str, Any]]) -> None:
    rare = {**event("p1", START + 20 * DAY, "signup")}
    events = sorted([*log, rare], key=lambda one: one["timestamp"])
    signup = {"field": "type", "equals": "signup"}
    goals = {"signup": goal(outcome={"will": {"where": signup}, "within": "1d"})}
    finding = checked(tmp_path, goals, events).goals[0].findings[0]
    assert finding.code == "too_few_of_rarer_class"
    assert finding.need == 50
    assert 1 <= finding.have < 50


def test_an_attribute_that_knows_the_outcome_is_named(
    tmp_path: Path, log: list[dict[str, Any]]
) -> None:
    """Profiles that churn carry it in an attribute, which nobody could have known."""
    quiet = {f"p{number}" for number in range(40) if number % 7 >= 5}
    events = [
        one | {"properties": {"secret": "yes" if one["profile_id"] in quiet else "no"}}
        for one in log
        if one["profile_id"] not in quiet or one["timestamp"] < START + 3 * DAY
    ]
    found = checked(
        tmp_path, {"churn": goal(outcome={"will_not": {"where": BASKET}, "within": "5d"},
                                 tickets={"every": "12h"})}, events,
        attributes={"secret": "properties.secret"},
    )  # fmt: skip
    leaks = [one for one in found.goals[0].findings if one.code == "leakage"]
    assert "attribute/secret" in {one.where for one in leaks}
    assert all(one.have > 0.97 for one in leaks)


def test_no_leakage_is_seen_in_honest_data(tmp_path: Path, log: list[dict[str, Any]]) -> None:
    goals = {"churn": goal(tickets={"every": "12h"})}
    found = checked(tmp_path, goals, log, attributes={"plan": "properties.plan"}).goals[0]
    assert {"event/basket", "event/coupon"} <= found.events.keys()
    assert "leakage" not in codes(found.findings)


def test_the_file_as_a_whole_is_looked_at(tmp_path: Path, log: list[dict[str, Any]]) -> None:
    shared = [event("kiosk", START + n * 60_000, "basket") for n in range(3_000)]
    liar = event("p3", START + 3_000 * DAY)
    half = len(log) // 2
    events = [*log[half:], *shared, liar, *log[:half]]
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in events))
    found = dry_run(
        config({"churn": goal()}), str(path), PLAIN, END + 90 * DAY, lambda *_: None
    )  # fmt: skip
    by_code = {one.code: one for one in found.findings}
    assert by_code["no_recent_data"].have > 90
    assert by_code["out_of_order"].have > 0.05
    assert by_code["time_out_of_line"].where == f"line {len(events) - half}"


def test_ids_shared_by_many_people_are_named(tmp_path: Path) -> None:
    few = [event(f"p{n}", START + n * HOUR) for n in range(400)]
    shared = [event("kiosk", START + n * 60_000) for n in range(3_000)]
    events = sorted([*few, *shared], key=lambda one: one["timestamp"])
    finding = checked(tmp_path, {"churn": goal()}, events).findings[0]
    assert finding.code == "shared_ids"
    assert finding.where == "kiosk"


def test_when_everything_is_excluded_it_is_said(tmp_path: Path, log: list[dict[str, Any]]) -> None:
    found = checked(tmp_path, {"churn": goal()}, log, events={"exclude": {"field": "type",
                    "exists": True}})  # fmt: skip
    assert codes(found.findings) == ["no_events"]
    assert found.profiles == 0


def test_the_command_shows_every_goal_and_what_to_change(
    tmp_path: Path, log: list[dict[str, Any]]
) -> None:
    (tmp_path / "goals.yaml").write_text(
        "goals: {churn: {propensity: churn, outcome: "
        "{will_not: {where: {field: type, equals: nothing}}, within: 1d}}}"
    )
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in log))
    result = CliRunner().invoke(main, ["check", str(tmp_path / "goals.yaml"), str(path)])
    assert result.exit_code == 0, result.output
    assert "outcome_always" in result.output
    assert CODES["outcome_always"].change in result.output.replace("\n", " ")
    assert "40 profiles eligible now" in result.output


def test_amounts_that_are_nowhere_are_missed(tmp_path: Path, log: list[dict[str, Any]]) -> None:
    found = {
        path: codes(checked(tmp_path, {"churn": goal()}, log, events={"value": path}).findings)
        for path in ("properties.amount", "properties.amuont", "properties.plan")
    }
    assert "no_value" not in found["properties.amount"]
    assert "no_value" in found["properties.amuont"]
    assert "no_value" in found["properties.plan"]  # a text is no number


def test_times_to_come_are_noticed(tmp_path: Path, log: list[dict[str, Any]]) -> None:
    ahead = [event(f"p{n}", END + 400 * DAY + n * HOUR) for n in range(2)]
    found = checked(tmp_path, {"churn": goal()}, [*log, *ahead])
    by_code = {one.code: one for one in found.findings}
    assert by_code["in_the_future"].have == pytest.approx(400, abs=1)


def test_a_goal_whose_tickets_nothing_opens_says_so(
    tmp_path: Path, log: list[dict[str, Any]]
) -> None:
    found = checked(tmp_path, {"churn": goal(tickets={"at": NEVER})}, log).goals[0]
    assert codes(found.findings)[0] == "no_ticket"
