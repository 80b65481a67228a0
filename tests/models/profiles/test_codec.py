"""Profiles as bytes: complete, compact, and refused when they are not ours."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import StateError
from models.profiles.codec import VERSION, head_of, owed_to_events, pack, unpack
from models.profiles.days import Days
from models.profiles.features import freeze
from models.profiles.profile import OTHER, Profile

DAY = 86_400_000
NAMES = st.text("abcäß ", min_size=1, max_size=6)


@st.composite
def profiles(draw: Any) -> Profile:
    """Profiles with any history."""
    first = draw(st.integers(0, 10**12))
    profile = Profile.starting(first)
    for at, name, value in draw(
        st.lists(
            st.tuples(st.integers(0, 400 * DAY), NAMES, st.none() | st.floats(-1e12, 1e12)),
            max_size=12,
        )
    ):
        profile.touch(first + at)
        profile.count(f"event/{name}", first + at, value, limit=4)
        profile.mark(len(name), first + at)
        profile.set_attribute("a" * len(name), first + at, name if len(name) % 2 else 1.5)
        profile.remember(at.to_bytes(8, "little"), 3)
    profile.offset = draw(st.integers(-1, 2**62))
    profile.progress = draw(
        st.dictionaries(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**62)),
                        st.integers(0, 2**64 - 1), max_size=4)
    )  # fmt: skip
    profile.scores = draw(
        st.dictionaries(st.integers(0, 2**32 - 1),
                        st.tuples(st.floats(0, 100), st.integers(0, 2**62)), max_size=4)
    )  # fmt: skip
    return profile


@given(profiles())
@settings(max_examples=200)
def test_a_packed_profile_unpacks_to_itself(profile: Profile) -> None:
    packed = pack(profile)
    assert unpack(packed) == profile
    assert pack(unpack(packed)) == packed
    head = head_of(packed)
    assert (head.offset, head.first, head.last) == (profile.offset, profile.first, profile.last)
    assert head.scores == profile.scores


@given(profiles())
def test_what_is_owed_to_events_does_not_change_with_the_scores(profile: Profile) -> None:
    before = owed_to_events(pack(profile))
    profile.scores = {7: (50.0, 1)} if not profile.scores else {}
    assert owed_to_events(pack(profile)) == before
    profile.last += 1
    assert owed_to_events(pack(profile)) != before


@given(profiles(), st.data())
def test_a_damaged_profile_is_refused(profile: Profile, data: Any) -> None:
    packed = pack(profile)
    cut = data.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(StateError):
        unpack(packed[:cut])
    with pytest.raises(StateError):
        unpack(packed + b"x")


@pytest.mark.parametrize("packed", [b"", bytes([VERSION + 1]) + pack(Profile.starting(0))[1:]])
def test_a_newer_version_is_refused_by_its_number(packed: bytes) -> None:
    with pytest.raises(StateError, match="version"):
        unpack(packed)


@given(st.lists(st.binary(min_size=8, max_size=8), max_size=20), st.integers(0, 5), st.data())
def test_the_latest_event_ids_are_known_and_no_others(
    ids: list[bytes], limit: int, data: Any
) -> None:
    profile = Profile.starting(0)
    for one in ids:
        profile.remember(one, limit)
    latest = ids[-limit:] if limit else []
    joined = b"".join(latest)
    across = [joined[start : start + 8] for start in range(max(len(joined) - 7, 0))]
    for one in [*ids, *across, data.draw(st.binary(min_size=8, max_size=8))]:
        assert profile.knows(one) == (one in latest)


def test_a_profile_with_a_common_history_takes_less_than_a_kilobyte() -> None:
    profile = Profile.starting(0)
    for day in range(300):
        for source in ("event/basket", "event/campaign", "event/coupon", "named/big_basket"):
            profile.touch(day * DAY)
            profile.count(source, day * DAY, 12.5, limit=32)
            profile.remember(day.to_bytes(8, "little"), 16)
    profile.progress = {(1, n): 3 for n in range(4)}
    profile.scores = dict.fromkeys(range(3), (50.0, 1))
    assert len(pack(profile)) < 800


def test_event_types_beyond_the_limit_share_one_row_first_come_first_kept() -> None:
    profile = Profile.starting(0)
    for number in range(10):
        profile.count(f"event/t{number}", number, 1.0, limit=3)
        profile.count("named/always", number, 1.0, limit=3)
    kept = ["event/t0", "named/always", "event/t1", "event/t2", OTHER]
    assert profile.sources == kept
    assert freeze(profile, 10).sources == tuple(kept)


def test_what_is_frozen_does_not_change_with_the_profile() -> None:
    profile = Profile.starting(0)
    before = freeze(profile, 10)
    profile.set_attribute("plan", 5, "gold")
    profile.count("event/basket", 5, 1.0, limit=3)
    assert (before.attributes, before.sources, before.rows) == ({}, (), b"")


@given(st.lists(st.integers(0, 60), min_size=1, max_size=30), st.randoms())
def test_active_days_do_not_depend_on_the_order_of_arrival(
    observed: list[int], random: Any
) -> None:
    shuffled = list(observed)
    random.shuffle(shuffled)
    found = []
    for order in (observed, shuffled):
        days = Days.starting(order[0])
        for day in order[1:]:
            days.observe(day)
        found.append(days)
    assert found[0].number == len(set(observed))
    assert (found[0].latest, found[0].bits) == (found[1].latest, found[1].bits)
    assert found[0].decayed == pytest.approx(found[1].decayed)
