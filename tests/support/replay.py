"""The same events without Kafka, to hold against what workers have left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from msgspec.structs import replace

from models.config.schema import Config
from models.goals.examples import Example
from models.goals.tickets import id_of, split_key
from models.learning.school import state_name
from models.learning.state import dump_trainer, join_state
from models.learning.trainer import Trainer, trainers_of
from models.partition import CLOCK_KEY, NOT_PROFILES
from models.profiles.codec import owed_to_events
from models.scoring.roster import GOALS_KEY
from models.step import PlainRecord
from streams.offline.backtest import Backtest
from streams.offline.layout import PLAIN
from streams.offline.ordered import records_of
from streams.offline.survey import survey
from tests.support.cluster import Cluster
from tests.support.factories import Bench, records
from tests.support.left import plain_example, plain_ticket, rows, table, without_progress_of_others

Events = Sequence[Mapping[str, Any]]


def lived_through(config: Config, log: Events) -> tuple[Bench, dict[str, list[Example]]]:
    """The same events through the engine alone, in runs of another size."""
    bench, found = Bench(config), dict[str, list[Example]]()
    for step in bench.run(records(log), size=113):
        for example in step.examples:
            found.setdefault(example.goal, []).append(example)
    return bench, found


def through_a_file(config: Config, log: Events, folder: Path) -> Backtest:
    """The same events through what ``penchant backtest`` runs."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "events.jsonl"
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in log))
    backtest = Backtest(config, folder / "backtest")
    backtest.run(records_of(str(path), PLAIN, survey(str(path)), 0), 50, lambda _: None)
    backtest.finish()
    return backtest


def examples_are_byte_equal(
    found: Mapping[str, list[Example]], expected: Mapping[str, list[Example]]
) -> None:
    """Examples, in their order, but for what they owe to models."""
    assert found.keys() == expected.keys()
    for goal, examples in expected.items():
        assert list(map(plain_example, found[goal])) == list(map(plain_example, examples))


def states_are_byte_equal(live: dict[bytes, bytes], backtest: Backtest | Bench) -> None:
    """Clock and profiles of a partition, but for what they owe to models."""
    offline = backtest.partition.profiles
    assert live.keys() - {GOALS_KEY} == offline.keys() - {GOALS_KEY}  # which goals have spoken
    assert live[CLOCK_KEY] == offline[CLOCK_KEY]
    for key in live.keys() - NOT_PROFILES:
        assert owed_to_events(live[key]) == owed_to_events(offline[key])


def open_tickets_are_byte_equal(live: dict[bytes, bytes], backtest: Backtest | Bench) -> None:
    """The tickets of a partition, but for what they owe to models."""
    found = {split_key(key): plain_ticket(value) for key, value in live.items()}
    assert found == {
        (key, *id_of(ticket)): plain_ticket(ticket)
        for key, tickets in backtest.partition.tickets
        for ticket in tickets
    }


def tables_are_those_of_the_engine_alone(
    cluster: Cluster, config: Config
) -> dict[str, list[Example]]:
    """What workers have left in their tables, byte by byte; returns the examples of the engine.

    In order, all but the progress of closed tickets: a profile lacks it whose worker died after the
    tickets were written. It means nothing any more, and the next event drops it anyway.
    """
    in_order = cluster.settings.guarantee == "at_least_once"
    source: dict[int, list[PlainRecord]] = defaultdict(list)
    for one in cluster.read(cluster.topics.events):
        source[one.partition].append(PlainRecord(one.key, one.value, one.offset))
    assert sum(map(len, source.values())) > 2_000
    profiles, tickets = (
        rows(cluster, cluster.topics.profiles),
        rows(cluster, cluster.topics.tickets),
    )
    found: dict[str, list[Example]] = defaultdict(list)
    for number, log in source.items():
        bench = Bench(config)
        for example in bench.step(log).examples:
            found[example.goal].append(replace(example, partition=number))
        assert profiles[number][CLOCK_KEY] == bench.partition.profiles[CLOCK_KEY]
        open_tickets_are_byte_equal(tickets[number], bench)
        still_open = {split_key(key) for key in tickets[number]} if in_order else None
        found_states = _owed_to_events(profiles[number], still_open)
        assert found_states == _owed_to_events(bench.partition.profiles, still_open)
    return found


def _owed_to_events(
    profiles: Mapping[bytes, bytes], still_open: set[tuple[bytes, int, int]] | None
) -> dict[bytes, bytes]:
    found = {}
    for key in profiles.keys() - NOT_PROFILES:
        found[key] = owed_to_events(profiles[key])
        if still_open is not None:
            own = {(goal, t0) for profile, goal, t0 in still_open if profile == key}
            found[key] = without_progress_of_others(found[key], own)
    return found


def relearned(
    config: Config, cluster: Cluster, found: Mapping[str, Iterable[Example]]
) -> dict[str, Trainer]:
    """Trainers of the same examples in the same order; the worker's are bit-equal to them."""
    states, trainers = table(cluster, cluster.topics.trainers), trainers_of(config)
    for name, examples in found.items():
        trainers[name].learn(list(examples))
        assert join_state(state_name(trainers[name]), states) == dump_trainer(trainers[name])
    return trainers
