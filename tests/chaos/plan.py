"""Which fault happens when: drawn once from a seed, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import NamedTuple

#: Fault -> how often it comes, relative to the others. Those of brokers need several.
WORKERS = {"kill": 5, "term": 3, "freeze": 3, "join": 3, "trainer": 2}
BROKERS = {"broker_kill": 2, "broker_term": 1, "leader": 1}
#: The long form: so many of each. A guest that joins and leaves is two rebalances.
LONG = {
    "kill": 20, "term": 3, "freeze": 5, "join": 5, "trainer": 3,
    "broker_kill": 3, "broker_term": 3, "leader": 2,
}  # fmt: skip


class Fault(NamedTuple):
    """One fault.

    Parameters
    ----------
    pause
        Seconds of peace before it.
    kind
        What happens.
    target
        A number: which worker, which broker.
    """

    pause: float
    kind: str
    target: int


def faults(seed: int, number: int, pause: tuple[float, float], *, brokers: bool) -> Iterator[Fault]:
    """So many faults; every kind comes once before any comes as often as chance will have it.

    Examples
    --------
    >>> plan = list(faults(1, 30, (1.0, 2.0), brokers=True))
    >>> plan == list(faults(1, 30, (1.0, 2.0), brokers=True)), len({fault.kind for fault in plan})
    (True, 8)
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    weights = WORKERS | (BROKERS if brokers else {})
    first = chance.sample(sorted(weights), len(weights))
    drawn = chance.choices(sorted(weights), [weights[kind] for kind in sorted(weights)], k=number)
    for kind in [*first, *drawn][:number]:
        yield Fault(round(chance.uniform(*pause), 1), kind, chance.randrange(1_000))


def schedule(seed: int, counts: Mapping[str, int], pause: tuple[float, float]) -> Iterator[Fault]:
    """So many faults of each kind, in an order that chance decides.

    Examples
    --------
    >>> plan = list(schedule(1, LONG, (1.0, 2.0)))
    >>> {kind: sum(fault.kind == kind for fault in plan) for kind in LONG} == LONG
    True
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    kinds = [kind for kind, count in sorted(counts.items()) for _ in range(count)]
    chance.shuffle(kinds)
    for kind in kinds:
        yield Fault(round(chance.uniform(*pause), 1), kind, chance.randrange(1_000))
