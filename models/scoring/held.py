"""Profiles to be scored, as they are by now."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from models.goals.compiled import CompiledGoal
from models.profiles.features import RawFeatures, raw_of
from models.profiles.profile import Profile
from models.scoring.records import Whose
from models.scoring.scorer import Part, parts_of


class Held:
    """Profiles to be scored, one of each; what all goals ask of them is worked out once.

    Parameters
    ----------
    keys
        Their ids.
    profiles
        Their states.
    moments
        When each is scored, milliseconds; not before its latest event.
    raw
        Their raw features then, where they are known.
    """

    def __init__(
        self,
        keys: Sequence[bytes],
        profiles: Sequence[Profile],
        moments: Sequence[int],
        raw: RawFeatures | None = None,
    ) -> None:
        self.keys = keys
        self.profiles = profiles
        self.moments = moments
        self.raw = raw_of(profiles, moments) if raw is None else raw

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def parts(self) -> list[Part]:
        """Their features, as scorers take them."""
        return parts_of(self.raw)

    @cached_property
    def whose(self) -> Whose:
        """What records say of them."""
        ids = [key.decode() for key in self.keys]
        return Whose(ids, self.moments, [profile.offset for profile in self.profiles])

    def eligible(self, goal: CompiledGoal) -> list[int]:
        """The numbers of those that a goal asks about."""
        if goal.config.eligible is None:  # everybody
            return list(range(len(self)))
        states = zip(self.profiles, self.moments, strict=True)
        is_eligible = goal.eligible
        return [n for n, (one, moment) in enumerate(states) if is_eligible(one.marks, moment)]

    def take(self, numbers: Sequence[int]) -> Held:
        """Some of them, by their numbers in ascending order; itself if it is all."""
        if len(numbers) == len(self):
            return self
        return Held(
            [self.keys[number] for number in numbers],
            [self.profiles[number] for number in numbers],
            [self.moments[number] for number in numbers],
            self.raw.take(numbers),
        )
