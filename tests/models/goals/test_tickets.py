"""Tickets in their table: keys and values that are not ours are refused, not guessed at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import StateError
from models.goals.tickets import (
    HEADER,
    VERSION,
    Ticket,
    TicketBook,
    pack_ticket,
    split_key,
    ticket_key,
)
from models.profiles.features import PROFILE_WIDTH, SOURCE_WIDTH, RawProfile

RAW = RawProfile(
    np.zeros(PROFILE_WIDTH, np.float32), (), np.zeros((0, SOURCE_WIDTH), np.float32), {}
)
PACKED = pack_ticket(Ticket(7, 1000, None, 0, RAW))
KEY = ticket_key(b"p1", 7, 1000)


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
