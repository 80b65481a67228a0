"""Tickets in their table: keys and values that are not ours are refused, not guessed at."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import StateError
from models.goals.layout import HEADER, VERSION
from models.goals.tickets import (
    Packed,
    Ticket,
    TicketBook,
    id_of,
    pack_ticket,
    pack_tickets,
    require_readable,
    split_key,
    ticket_key,
    unpack_ticket,
)
from models.profiles.features import PROFILE_WIDTH, SOURCE_WIDTH, RawProfile, stack

RAW = RawProfile(np.zeros(PROFILE_WIDTH, np.float32), (), {})
SOURCES = ("event/a", "event/b", "event/c")
PACKED = pack_ticket(Ticket(7, 1000, None, 0, RAW))
KEY = ticket_key(b"p1", 7, 1000)


NUMBERS = st.floats(width=32, allow_nan=False)


@st.composite
def tickets(draw: st.DrawFn) -> Packed:
    """A ticket of one of two goals, whose numbers may look like the ids of others."""
    sources = draw(st.integers(0, 3))
    of_profile = np.full(PROFILE_WIDTH, draw(NUMBERS), np.float32)
    looks_like_an_id = np.frombuffer(PACKED[1:13] * (sources * SOURCE_WIDTH), np.float32)
    raw = RawProfile(
        np.concatenate((of_profile, looks_like_an_id[: sources * SOURCE_WIDTH])),
        draw(st.sampled_from([SOURCES, SOURCES[::-1]]))[:sources],
        draw(
            st.dictionaries(st.text("xyz", max_size=3), NUMBERS | st.text(max_size=5), max_size=2)
        ),
    )
    goal, t0 = draw(st.sampled_from([7, 8])), draw(st.sampled_from([-1000, 1000, 2000]))
    return pack_ticket(Ticket(goal, t0, draw(NUMBERS | st.none()), 3, raw))


class PlainBook:
    """What a book says: tickets by profile, goal and T0, in the order of their last opening."""

    def __init__(self) -> None:
        self.held: dict[tuple[bytes, int, int], Packed] = {}

    def apply(self, key: bytes, value: Packed | None) -> None:
        self.held.pop(split_key(key), None)
        if value is not None:
            self.held[split_key(key)] = value

    def of(self, profile: bytes) -> list[Packed]:
        return [ticket for (owner, _, _), ticket in self.held.items() if owner == profile]


@given(st.lists(st.tuples(st.sampled_from([b"p1", b"p/2"]), tickets(), st.sampled_from("PPPDpd"))))
def test_tickets_are_kept_as_if_each_stood_for_itself(changes: list[Any]) -> None:
    book, plain = TicketBook(), PlainBook()
    for profile, ticket, what in changes:
        value = ticket if what in "Pp" else None
        plain.apply(ticket_key(profile, *id_of(ticket)), value)
        if what.isupper():
            book.apply(ticket_key(profile, *id_of(ticket)), value)
        else:
            book.change(profile, id_of(ticket), value)
        held = plain.of(profile)
        assert book.of(profile) == held
        assert book.ids(profile) == [id_of(one) for one in held]
        assert [book.get(profile, id_of(one)) for one in held] == held
        assert (book.get(profile, id_of(ticket)) is None) == (value is None)
    assert dict(book) == {one: plain.of(one) for one in (b"p1", b"p/2") if plain.of(one)}
    assert len(book) == len(plain.held)
    found = {
        (profile, goal, t0)
        for goal, (moments, profiles) in book.by_goal().items()
        for t0, profile in zip(moments, profiles, strict=True)
    }
    assert found == plain.held.keys()


class Row(NamedTuple):
    """A record of the table."""

    key: bytes
    value: Packed | None


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """A ticket or the end of one; now and then under another's key, or not readable."""
    profile, ticket, other = (
        draw(st.sampled_from([b"p1", b"p/2"])),
        draw(tickets()),
        draw(tickets()),
    )
    key, what = ticket_key(profile, *id_of(ticket)), draw(st.sampled_from("PPPPPPDDOKV"))
    return {
        "P": Row(key, ticket),
        "D": Row(key, None),
        "O": Row(ticket_key(profile, *id_of(other)), ticket),
        "K": Row(draw(st.sampled_from([b"p1", b"p1/00000007/noon", b"p1/+7/1000", key])), ticket),
        "V": Row(
            key, draw(st.sampled_from([b"", b"\x02" + ticket[1:], ticket[:-1], ticket + b"."]))
        ),
    }[what]


@given(st.lists(rows()))
def test_many_records_are_taken_over_as_one_by_one(records: list[Row]) -> None:
    def outcome(many: bool) -> Any:
        book = TicketBook()
        try:
            if many:
                book.apply_many(records)
            else:
                for record in records:
                    book.apply(*record)
        except StateError as error:
            return str(error), dict(book), len(book)
        return dict(book), len(book)

    assert outcome(many=True) == outcome(many=False)


@given(tickets(), st.data())
def test_a_ticket_that_is_not_as_long_as_it_says_is_refused(ticket: Packed, data: Any) -> None:
    require_readable(ticket)
    assert pack_ticket(unpack_ticket(ticket)) == ticket
    for damaged in (ticket[: data.draw(st.integers(0, len(ticket) - 1))], ticket + b"."):
        with pytest.raises(StateError):
            require_readable(damaged)


@given(st.lists(tickets()), st.none() | st.integers(1, 2**32 - 1))
def test_many_tickets_are_packed_as_one_by_one(packed: list[Packed], version: int | None) -> None:
    held = [unpack_ticket(one) for one in packed]
    said = None if version is None else [one.probability or 0.5 for one in held]
    plain = [
        pack_ticket(Ticket(7, one.t0, said[n] if said else None, version or 0, one.raw))
        for n, one in enumerate(held)
    ]
    raw = stack([one.raw for one in held])
    assert pack_tickets(7, [one.t0 for one in held], said, version or 0, raw) == plain


def test_a_profile_is_known_by_the_key_that_it_is_given() -> None:
    book = TicketBook()
    for profile in (b"p1", b"p2"):
        book.put(profile, PACKED)
    key = bytes(bytearray(b"p2"))
    book.share_keys([key, b"p3"])
    assert dict(book) == {b"p1": [PACKED], b"p2": [PACKED]}
    assert any(profile is key for profile, _ in book)


@given(st.text(min_size=1), st.integers(0, 2**32 - 1), st.integers(0, 2**50))
def test_a_key_says_whose_ticket_it_is_whatever_the_profile_is_called(
    profile: str, goal: int, t0: int
) -> None:
    assert split_key(ticket_key(profile.encode(), goal, t0)) == (profile.encode(), goal, t0)


@pytest.mark.parametrize("key", [b"", b"p1", b"p1/7", b"p1/goal/1000", b"p1/00000007/noon"])
def test_a_key_that_names_no_ticket_is_a_state_that_cannot_be_read(key: bytes) -> None:
    with pytest.raises(StateError, match="names no ticket"):
        TicketBook().apply(key, PACKED)


def test_a_ticket_of_a_newer_version_is_refused_when_it_is_recovered() -> None:
    newer = bytes((VERSION + 1,)) + PACKED[1:]
    with pytest.raises(StateError, match="of version 02, this program reads 1"):
        TicketBook().apply(KEY, newer)


@pytest.mark.parametrize("length", [0, 1, HEADER.size - 1])
def test_a_ticket_without_its_header_is_refused_when_it_is_recovered(length: int) -> None:
    with pytest.raises(StateError):
        TicketBook().apply(KEY, PACKED[:length])


def test_a_ticket_that_is_gone_needs_no_value() -> None:
    book = TicketBook()
    book.apply(KEY, PACKED)
    book.apply(KEY, None)
    assert len(book) == 0
