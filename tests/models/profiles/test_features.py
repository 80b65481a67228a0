"""Raw features in their forms: of one profile, of several, by name."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.config.durations import DAY
from models.profiles.features import (
    PROFILE_FEATURES,
    PROFILE_WIDTH,
    SOURCE_FEATURES,
    SOURCE_WIDTH,
    RawProfile,
    freeze,
    named_features,
    raw_features,
    raw_of,
    stack,
)
from models.profiles.profile import Profile

SOURCES = ("event/a", "event/b", "named/c")
NUMBERS = st.sampled_from([0.0, -0.0, 0.25, -3.0, 1e9])


@st.composite
def profiles(draw: st.DrawFn) -> RawProfile:
    """A profile of up to three sources, many of its numbers zero."""
    sources = draw(st.integers(0, len(SOURCES)))
    width = PROFILE_WIDTH + sources * SOURCE_WIDTH
    numbers = np.array(draw(st.lists(NUMBERS, min_size=width, max_size=width)), np.float32)
    if draw(st.booleans()):
        numbers[PROFILE_WIDTH - 1] = np.nan
    attributes = draw(st.dictionaries(st.sampled_from("xy"), st.just("gold") | NUMBERS))
    return RawProfile(numbers, SOURCES[:sources], attributes)


def plainly_named(raw: RawProfile) -> dict[str, float]:
    """What :func:`named_features` says, number by number."""
    named = {f"profile/{name}": n for name, n in zip(PROFILE_FEATURES, raw.profile, strict=True)}
    for source, row in zip(raw.names, raw.rows, strict=True):
        named |= {f"{source}/{name}": n for name, n in zip(SOURCE_FEATURES, row, strict=True)}
    told = {
        name: float(number)
        for name, number in named.items()
        if not np.isnan(number) and (number != 0 or name.endswith("/hours"))
    }
    for name, known in raw.attributes.items():
        if isinstance(known, str):
            told[f"attribute/{name}={known}"] = 1.0
        else:
            told[f"attribute/{name}"] = known
    return told


@given(profiles())
def test_what_says_something_is_named_and_nothing_else(raw: RawProfile) -> None:
    assert list(named_features(raw).items()) == list(plainly_named(raw).items())


@given(st.lists(profiles()))
def test_what_is_stacked_can_be_taken_apart(raws: list[RawProfile]) -> None:
    table = stack(raws)
    assert len(table) == len(raws)
    for number, raw in enumerate(raws):
        again = table.one(number)
        assert again.numbers.tobytes() == raw.numbers.tobytes()
        assert (again.names, again.attributes) == (raw.names, raw.attributes)


LIVES = st.lists(
    st.lists(
        st.tuples(st.sampled_from(SOURCES), st.integers(0, 90 * DAY), st.none() | NUMBERS),
        min_size=1, max_size=6,
    ),
    max_size=5,
)  # fmt: skip


@given(LIVES, st.integers(0, 9 * DAY), st.booleans())
def test_profiles_as_they_are_have_the_features_of_frozen_ones(
    lives: list[list[tuple[str, int, float | None]]], later: int, attributed: bool
) -> None:
    states = []
    for events in lives:
        profile = Profile.starting(events[0][1])
        for source, at, value in events:
            profile.touch(at)
            profile.count(source, at, value, limit=32)
            if attributed:
                profile.set_attribute("age", at, value or 0.1)
        states.append(profile)
    moments = [profile.last + later for profile in states]
    found = raw_of(states, moments)
    plain = raw_features([freeze(one, at) for one, at in zip(states, moments, strict=True)])
    assert found.profile.tobytes() == plain.profile.tobytes()
    assert found.rows.tobytes() == plain.rows.tobytes()
    assert (found.names, found.starts) == (plain.names, plain.starts)
    assert found.attributes == plain.attributes
