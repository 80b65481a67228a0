"""Every condition of a configuration, numbered once and asked together.

The type of an event answers most conditions before its properties are looked at, so what is left
to ask is worked out once per type and remembered.
"""

from __future__ import annotations

import json
from typing import Any

from models.config.conditions import Condition
from models.events.conditions import Named, Test, expand_condition, fold_condition
from models.hashing import hash32

#: Types whose plans are remembered; a flood of invented ones only empties the memory.
REMEMBERED = 4_096

Plan = list[tuple[int, Test | None]]


class Recogniser:
    """Says which of the numbered conditions an event meets.

    Parameters
    ----------
    named
        The conditions of the user's own events.

    Examples
    --------
    >>> recogniser = Recogniser({})
    >>> basket = recogniser.number(Condition(field="type", equals="basket"))
    >>> rich = recogniser.number(Condition(field="properties.amount", at_least=75))
    >>> recogniser.met("basket", {"type": "basket", "properties": {"amount": 80}}) == [basket, rich]
    True
    """

    def __init__(self, named: Named) -> None:
        self._named = named
        self._conditions: list[Condition] = []
        self._numbers: dict[str, int] = {}
        self._plans: dict[str, Plan] = {}

    def number(self, condition: Condition) -> int:
        """The number of a condition; equal ones share one."""
        meaning = self._meaning(condition)
        if meaning not in self._numbers:
            self._numbers[meaning] = len(self._conditions)
            self._conditions.append(condition)
            self._plans.clear()
        return self._numbers[meaning]

    def key(self, condition: Condition) -> int:
        """A 32-bit key of what a condition means, the same wherever it stands."""
        return hash32(self._meaning(condition))

    def met(self, event_type: str, fields: dict[str, Any]) -> list[int]:
        """The numbers of the conditions that an event meets, ascending."""
        plan = self._plans.get(event_type)
        if plan is None:
            plan = self._plan(event_type)
        return [number for number, test in plan if test is None or test(fields)]

    def _plan(self, event_type: str) -> Plan:
        plan: Plan = []
        for number, condition in enumerate(self._conditions):
            folded = fold_condition(condition, self._named, event_type)
            if folded is not False:
                plan.append((number, None if folded is True else folded))
        if len(self._plans) >= REMEMBERED:
            self._plans.clear()
        self._plans[event_type] = plan
        return plan

    def _meaning(self, condition: Condition) -> str:
        return json.dumps(expand_condition(condition, self._named), sort_keys=True)
