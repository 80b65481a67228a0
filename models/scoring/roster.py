"""Which goals have scores out, of one partition: those of now, and those that are no more.

A profile knows the goals of its scores by their keys. What they are called, and so where their
scores lie, has to be known as long as any of them stands, when the configuration knows them no
longer as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

import orjson

from models.errors import StateError
from models.goals.compiled import Compiled, CompiledGoal

#: Where the names stand in the table of profiles; no profile id has a control character.
GOALS_KEY = b"\x00goals"

_VERSION = b"\x01"


class Roster:
    """The goals with scores out.

    Parameters
    ----------
    names
        Key of goal -> its name.

    Examples
    --------
    >>> roster = Roster({7: "churn"})
    >>> roster_of({GOALS_KEY: roster.pack()}).names
    {7: 'churn'}
    """

    def __init__(self, names: Mapping[int, str] | None = None) -> None:
        self.names = dict(names or {})
        #: Profiles with scores of goals that are no more, by their keys.
        self.leaving: dict[bytes, None] = {}

    def removed(self, compiled: Compiled) -> dict[int, str]:
        """The goals that a configuration has no more: nobody will ever say anything of them."""
        known = compiled.config.goals
        return {key: name for key, name in self.names.items() if name not in known}

    def before(self, goal: CompiledGoal) -> list[int]:
        """Earlier versions of a goal: their scores lie where its own will."""
        return [key for key, name in self.names.items() if name == goal.name and key != goal.key]

    def keep(self, keys: Iterable[int]) -> None:
        """Forget the names of all goals but these."""
        kept = set(keys)
        self.names = {key: name for key, name in self.names.items() if key in kept}

    def take_leaving(self, most: int) -> list[bytes]:
        """Take out so many profiles with scores of goals that are no more."""
        taken = list(islice(self.leaving, most))
        for key in taken:
            del self.leaving[key]
        return taken

    def pack(self) -> bytes:
        """The row's value."""
        return _VERSION + orjson.dumps({str(key): name for key, name in self.names.items()})


def roster_of(profiles: Mapping[bytes, bytes]) -> Roster:
    """The roster in a partition's table of profiles.

    Raises
    ------
    StateError
        Written by a newer version, or damaged.
    """
    packed = profiles.get(GOALS_KEY)
    if packed is None:
        return Roster()
    if packed[:1] != _VERSION:
        raise StateError(f"names of goals of version {packed[:1].hex()}, this program reads 01")
    try:
        return Roster({int(key): str(name) for key, name in orjson.loads(packed[1:]).items()})
    except (ValueError, AttributeError) as error:
        raise StateError(f"damaged names of goals, {len(packed)} bytes: {error}") from None
