"""Scores of many profiles at once: probability, score, and the reasons in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from models.goals.compiled import CompiledGoal
from models.learning.layout import Layout
from models.learning.snapshot import Snapshot
from models.learning.transform import Worked, base_features, worked_out
from models.profiles.features import Float64, Int, RawFeatures
from models.scoring.compiled import CompiledModel, probability
from models.scoring.factors import LEAST, Factors, factors_of
from models.scoring.phrases import phrases_of, reaches_of
from models.scoring.words import Words

#: The age of a profile, as the logarithm of hours.
TENURE = "profile/tenure"
#: Profiles that are scored at once, at most: with more their numbers outgrow the caches.
AT_ONCE = 256

Number = TypeVar("Number", np.float64, np.intp)


class Reasons(NamedTuple):
    """The factors of several profiles, the strongest first: profiles x ``max_factors`` each.

    Parameters
    ----------
    factor
        Numbers of factors.
    contribution
        What each adds to the logit.
    told
        Whether it is told at all.
    feature, value
        The feature that contributes most to the factor, and its value before scaling.
    young
        Whether the profile is younger than that feature looks back.
    """

    factor: Int
    contribution: Float64
    told: npt.NDArray[np.bool_]
    feature: Int
    value: Float64
    young: npt.NDArray[np.bool_]


class Scored(NamedTuple):
    """What a model says of several profiles, one each.

    Parameters
    ----------
    probability, score
        0 to 1, and 0 to 100.
    remainder
        What the told reasons leave of logit p - logit b.
    reasons
        Why.
    """

    probability: Float64
    score: Float64
    remainder: Float64
    reasons: Reasons


class Part(NamedTuple):
    """Some profiles, and what the scorers of all goals make of them alike."""

    raw: RawFeatures
    worked: Worked


class Telling:
    """How the features of a layout are told; the same for all snapshots that have it.

    Parameters
    ----------
    layout
        The features.
    titles
        What people call the user's own events, by source.
    """

    def __init__(self, layout: Layout, titles: Mapping[str, str]) -> None:
        self.layout = layout
        self.factors = factors_of(layout)
        phrases = [phrases_of(layout, titles, young=young) for young in (False, True)]
        self.words = Words(self.factors, phrases)
        #: The features of each factor, rows of equal length.
        self.members = _members_of(self.factors)
        self.age, self.reaches = layout.features.index(TENURE), np.log1p(reaches_of(layout))


class Scorer:
    """A snapshot made ready to score with reasons.

    Parameters
    ----------
    goal
        Whose model it is.
    snapshot
        The model.
    titles
        What people call the user's own events, by source.
    max_factors
        Reasons in a score, at most.
    before
        The goal's scorer so far, whose words still hold where the layout is the same.
    """

    def __init__(
        self,
        goal: CompiledGoal,
        snapshot: Snapshot,
        titles: Mapping[str, str],
        max_factors: int,
        before: Scorer | None = None,
    ) -> None:
        self.goal = goal
        self.snapshot = snapshot
        self.model = CompiledModel(snapshot)
        layout = self.model.layout
        fits = before is not None and before.model.layout == layout
        self.telling: Telling = before.telling if before and fits else Telling(layout, titles)
        self.factors = self.telling.factors
        self._most = min(max_factors, len(self.factors.names))

    def score(self, raw: RawFeatures) -> Scored:
        """Score profiles by their raw features."""
        return self.score_parts(parts_of(raw))

    def score_parts(self, parts: Sequence[Part]) -> Scored:
        """The same, of profiles whose parts other scorers have use for as well."""
        return _joined([self._score(part) for part in parts])

    def _score(self, part: Part) -> Scored:
        model, rate = self.model, self.snapshot.base_rate
        rows = base_features(model.layout, *part)
        terms = model.terms(rows)
        logits = model.logits(terms)
        p = probability(logits)
        reasons = self._reasons(rows, model.shares(terms))
        explained = np.where(reasons.told, reasons.contribution, 0.0).sum(axis=1)
        remainder = np.log(p / (1.0 - p)) - np.log(rate / (1.0 - rate)) - explained
        return Scored(p, 100.0 * probability(logits - model.base_logit), remainder, reasons)

    def _reasons(self, rows: Float64, shares: Float64) -> Reasons:
        telling = self.telling
        sums = shares @ self.factors.members
        order = np.argsort(-np.abs(sums), axis=1, kind="stable")[:, : self._most]
        led_by_age = self.factors.is_last[order[:, :1]]
        rolled = np.flatnonzero(led_by_age)
        order[rolled] = np.roll(order[rolled], -1, axis=1)
        contribution = _taken(sums, order)
        told = np.abs(contribution) >= LEAST
        told[:, -1:] &= ~led_by_age | told[:, :-1].any(axis=1, keepdims=True)
        feature = _leading(shares, telling.members.take(order, axis=0))
        young = rows[:, telling.age, None] < telling.reaches[feature]
        return Reasons(order, contribution, told, feature, _taken(rows, feature), young)


def _leading(shares: Float64, members: Int) -> Int:
    """For each profile and factor, the feature of its members that contributes most."""
    places = np.argmax(np.abs(_taken(shares, members)), axis=2)
    of_factors = members.reshape(-1, members.shape[2])
    return _taken(of_factors, places.reshape(-1, 1)).reshape(places.shape)


def _taken(table: npt.NDArray[Number], places: Int) -> npt.NDArray[Number]:
    """Numbers of each row of a table, by their places in it; in half the time of an index."""
    starts = np.arange(len(table)) * table.shape[1]
    found: npt.NDArray[Number] = table.reshape(-1).take(
        places + starts.reshape(-1, *[1] * (places.ndim - 1))
    )
    return found


def parts_of(raw: RawFeatures) -> list[Part]:
    """Profiles in parts that are scored at once."""
    return [Part(part, worked_out(part)) for part in raw.parts(AT_ONCE)]


def _joined(parts: list[Scored]) -> Scored:
    """What was said of profiles in parts, as one."""
    if len(parts) == 1:
        return parts[0]
    probability, score, remainder, reasons = zip(*parts, strict=True)
    return Scored(
        np.concatenate(probability),
        np.concatenate(score),
        np.concatenate(remainder),
        Reasons(*map(np.concatenate, zip(*reasons, strict=True))),
    )


def _members_of(factors: Factors) -> Int:
    """The features of each factor, rows of equal length: the first of them fills up."""
    members = [np.flatnonzero(factors.of_feature == n) for n in range(len(factors.names))]
    widest = max(map(len, members))
    return np.array([[*some, *[some[0]] * (widest - len(some))] for some in members], np.intp)
