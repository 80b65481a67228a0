"""A flood of invented names costs a bounded amount of memory, and is seen.

``PENCHANT_FLOOD`` sets how many of each come; ``make flood`` sends millions, and writes its figures
to ``out/flood.json``.
"""

from __future__ import annotations

import gc
import json
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from models.config.durations import DAY
from models.events.recognition import REMEMBERED
from models.learning.state import dump_trainer
from models.learning.vocabulary import MOST_COUNTED
from models.profiles.codec import unpack
from models.profiles.names import MOST_BYTES
from models.step import PlainRecord
from tests.support.factories import (
    BASKET,
    START,
    Bench,
    config,
    event,
    goal,
    record,
    records,
    trained,
)

FLOOD = int(os.environ.get("PENCHANT_FLOOD", "20000"))
IS_LONG = FLOOD >= 1_000_000
EVENTS = int(os.environ.get("PENCHANT_FLOOD_EVENTS", FLOOD * 10 if IS_LONG else FLOOD))
PROFILES = FLOOD * 2 if IS_LONG else FLOOD
#: What comes last is looked at: so many at most, for looking makes it slow.
LOOKED_AT = 200_000
MB = 1024 * 1024
OUT = Path("out/flood.json")


def flood(number: int, make: Callable[[int], dict[str, Any]]) -> Iterator[list[PlainRecord]]:
    """Runs of events made from their numbers."""
    for start in range(0, number, 1_000):
        yield [record(make(n), n) for n in range(start, min(start + 1_000, number))]


def grown(bench: Bench, name: str, number: int, make: Callable[[int], dict[str, Any]]) -> float:
    """Bytes that each event of the second half of a flood, or of its end, adds to what is held."""
    started, last = time.monotonic(), min(number // 2, LOOKED_AT)
    runs = flood(number, make)
    for _, run in zip(range((number - last) // 1_000), runs, strict=False):
        bench.step(run)
        bench.steps.clear()
    gc.collect()
    tracemalloc.start()
    for run in runs:
        bench.step(run)
        bench.steps.clear()
    del run
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    if IS_LONG:
        report(name, number=number, seconds=time.monotonic() - started, last=last, added=held)
    return held / last


def report(name: str, **figures: float) -> None:
    """The figures of a flood, for people."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    figures["resident_mb"] = pages * os.sysconf("SC_PAGE_SIZE") / MB
    known = json.loads(OUT.read_text()) if OUT.exists() else {}
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(known | {name: figures}, indent=2) + "\n")


def test_invented_event_types_are_pooled_and_counted() -> None:
    bench = Bench(config())
    added = grown(bench, "types", FLOOD, lambda n: event("p1", START + n, f"t{n}"))
    assert added * min(FLOOD // 2, LOOKED_AT) < 6 * MB
    profile = unpack(bench.partition.profiles[b"p1"])
    assert len(profile.sources) == bench.engine.config.limits.event_types + 1
    assert profile.sources[-1] == "other"
    assert len(bench.partition.profiles[b"p1"]) < 8_000
    assert len(bench.engine.compiled.recogniser._plans) <= REMEMBERED


def test_long_invented_types_take_no_more_room_than_short_ones_may() -> None:
    bench = Bench(config())
    step = bench.step(records(event("p1", START + n, f"{n}".ljust(1_024, "é")) for n in range(200)))
    profile = unpack(bench.partition.profiles[b"p1"])
    assert sum(len(source.encode()) for source in profile.sources) <= MOST_BYTES + len("other")
    assert step.counts["pooled"] == 200 - len(profile.sources) + 1
    assert step.counts["applied"] == 200


def test_invented_attribute_values_are_forgotten() -> None:
    bench = Bench(config(attributes={"plan": "properties.plan"}))
    added = grown(
        bench, "attribute values", FLOOD,
        lambda n: event("p1", START + n, properties={"plan": f"plan {n}"}),
    )  # fmt: skip
    assert added * min(FLOOD // 2, LOOKED_AT) < MB / 4
    assert len(bench.partition.profiles[b"p1"]) < 1_000


def test_a_profile_with_very_many_events_stays_as_small_as_any() -> None:
    bench = Bench(config())
    added = grown(bench, "events of a profile", EVENTS, lambda n: event("p1", START + n))
    assert added * min(EVENTS // 2, LOOKED_AT) < MB / 4
    profile = unpack(bench.partition.profiles[b"p1"])
    assert len(profile.recent) == 8 * bench.engine.config.limits.recent_ids
    assert len(bench.partition.profiles[b"p1"]) < 1_000


def test_profiles_of_one_event_cost_a_bounded_number_of_bytes_each() -> None:
    bench = Bench(config())
    each = grown(bench, "profiles", PROFILES, lambda n: event(f"profile-{n}", START + n))
    assert each < 2_000


def test_idle_profiles_expire_with_their_tickets_scores_and_timers() -> None:
    questions = config(
        {"churn": goal(eligible={"where": BASKET, "in_last": "3d"})},
        profiles={"expire_after": "30d"},
    )
    bench = Bench(questions)
    for run in flood(3_000, lambda n: event(f"p{n}", START + n)):
        bench.step(run)
    assert len(bench.partition.profiles) == 3_001
    gone: set[bytes] = set()
    for day in range(1, 40):
        step = bench.step([record(event("stays", START + day * DAY), 10**6 + day)])
        gone |= {key for key, value in step.profiles if value is None}
        assert {key for key, value in step.scores if value is None} == {
            b"churn/" + key for key, value in step.profiles if value is None
        }
        if day == 29:
            assert gone == set()
    assert len(gone) == 3_000
    assert sum(step.counts["expired"] for step in bench.steps) == 3_000
    assert set(bench.partition.profiles) == {b"\x00clock", b"stays"}
    assert {key for key, _ in bench.partition.tickets} == {b"stays"}
    held = bench.partition
    assert (
        max(
            map(len, (held.openings, held.closings, held.expiries, held.refreshes, held.departures))
        )
        < 50
    )


def test_every_ticket_is_labelled_before_its_profile_expires() -> None:
    bench = Bench(config({"churn": goal()}, profiles={"expire_after": "10d"}))
    bench.step(records([event("p1", START), event("p2", START)]))
    for day in range(1, 20):
        bench.idle(DAY)
        assert day < 12 or not bench.partition.profiles.keys() - {b"\x00clock"}
    opened = sum(step.counts["opened"] for step in bench.steps)
    assert opened == sum(len(step.examples) for step in bench.steps) > 10
    assert not len(bench.partition.tickets)


def test_a_lying_time_opens_no_tickets_for_the_years_that_it_skips() -> None:
    bench = Bench(
        config(
            {
                "churn": goal(
                    tickets={"every": "15m"},
                    outcome={"will_not": {"where": BASKET}, "within": "1d"},
                )
            }
        )
    )
    log = [event("p1", START), event("p2", START + 1), event("p1", START + 100 * 365 * DAY)]
    step = bench.step(records(log))
    assert step.counts["unbelieved"] == 1
    assert len(bench.partition.tickets) <= 4 * 24 + 1
    assert bench.partition.clock.now == START + 1


@pytest.mark.parametrize("kind", ["type", "attribute"])
def test_invented_names_in_tickets_teach_the_model_nothing(kind: str) -> None:
    questions = config(attributes={"plan": "properties.plan"}, limits={"event_types": 200})
    bench = Bench(questions)
    for day in range(8):
        run = []
        for n in range(300):
            own = f"t{day}.{n}" if kind == "type" else "basket"
            plan = {"plan": f"v{day}.{n}"} if kind == "attribute" else {}
            run.append(event(f"p{n}", START + day * DAY + n, own, properties=plan))
        bench.step(records(run, day * 300))
    trainer = trained(questions, "churn", bench.steps)
    assert trainer.labels > 1_000
    assert len(trainer.model.features.counts) <= MOST_COUNTED
    assert len(trainer.model.features.layout.blocks) < 10
    assert len(dump_trainer(trainer)) < 2 * MB


def test_the_event_that_moves_the_clock_past_a_profiles_expiry_starts_it_anew() -> None:
    bench = Bench(config(profiles={"expire_after": "30d"}))
    bench.step(records([event("p1", START)]))
    back = event("p1", START + 31 * DAY)
    step = bench.step([record(back, 1)])
    assert step.counts["expired"] == step.counts["applied"] == 1
    again = Bench(config(profiles={"expire_after": "30d"}))
    again.step([record(back, 1)])
    assert bench.partition.profiles[b"p1"] == again.partition.profiles[b"p1"]
