"""The rows of a partition as they are by now, in the middle of a run."""

from __future__ import annotations

from msgspec import Struct

from models.goals.compiled import Compiled, CompiledGoal
from models.goals.tickets import IN_BOOK, Packed
from models.partition import Partition
from models.profiles.codec import unpack
from models.profiles.features import Frozen
from models.profiles.profile import Profile, TicketId


class Opening(Struct, eq=False, frozen=True, gc=False):
    """A ticket about to be written."""

    key: bytes
    goal: CompiledGoal
    t0: int
    frozen: Frozen


class Current:
    """Profiles and tickets: those of the tables, and what a run has made of them so far.

    Parameters
    ----------
    compiled
        The configuration.
    partition
        Read, never written.
    """

    def __init__(self, compiled: Compiled, partition: Partition) -> None:
        self._compiled = compiled
        self._partition = partition
        self.profiles: dict[bytes, Profile | None] = {}
        self._tickets: dict[bytes, dict[TicketId, Packed | Opening]] = {}

    def profile(self, key: bytes) -> Profile | None:
        """A profile as it is by now; None if there is none."""
        known = self.profiles.get(key)
        if known is None and key not in self.profiles:
            packed = self._partition.profiles.get(key)
            if packed is not None:
                known = unpack(packed)
                self._forget_goals(known)
                self._forget_attributes(known)
            self.profiles[key] = known
        return known

    def _forget_goals(self, profile: Profile) -> None:
        """Forget what was said of a profile for goals of which not even the name is known."""
        goals, names = self._compiled.by_key, self._partition.roster.names
        if not profile.scores.keys() <= goals.keys():
            profile.scores = {
                goal: said
                for goal, said in profile.scores.items()
                if goal in goals or goal in names
            }

    def _forget_attributes(self, profile: Profile) -> None:
        """Forget attributes that are configured no more: nothing would bring them up to date."""
        known = self._compiled.attributes
        if profile.attributes and not profile.attributes.keys() <= known.keys():
            profile.attributes = {
                name: found for name, found in profile.attributes.items() if name in known
            }

    def tickets(self, key: bytes) -> dict[TicketId, Packed | Opening]:
        """The tickets of a profile as they are by now."""
        if key not in self._tickets:
            # Of most nothing but the id is asked for.
            self._tickets[key] = dict.fromkeys(self._partition.tickets.ids(key), IN_BOOK)
        return self._tickets[key]
