"""What the columns of a file are called, and how it writes times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from models.errors import ConfigError, Problem
from models.events.parsing import FIELDS, TEXTS

#: Seconds beyond which a number is no time, and is left for the parser to refuse.
MOST_SECONDS = 1e12
#: Stands for the number of the line, where events have no id of their own.
LINE = "#"


@dataclass(frozen=True)
class FileLayout:
    """How the rows of a file become events.

    Parameters
    ----------
    columns
        Field of an event -> the column that holds it, or ``#`` for the number of the line.
    constants
        Field of an event -> what it is in every row.
    seconds
        Whether numbers that are times count seconds; milliseconds otherwise.
    zone
        The zone of times that name none; such times are refused without it.

    Examples
    --------
    >>> layout = FileLayout({"event_id": "#", "profile_id": "customer"}, {"type": "purchase"})
    >>> layout.needed
    ['customer', 'timestamp']
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    seconds: bool = False
    zone: tzinfo | None = None

    @cached_property
    def needed(self) -> list[str]:
        """The columns that have to be there."""
        columns = [self.columns.get(name, name) for name in FIELDS if name not in self.constants]
        return [column for column in columns if column != LINE]

    @cached_property
    def taken(self) -> frozenset[str]:
        """The columns that are no properties."""
        return frozenset(self.needed)

    @cached_property
    def texts(self) -> frozenset[str]:
        """The columns that are text, whatever is in them."""
        return frozenset(self.columns.get(name, name) for name in TEXTS)

    def read(self, name: str, row: Mapping[str, Any], number: int) -> Any:
        """A field of an event from a row."""
        if name in self.constants:
            return self.constants[name]
        column = self.columns.get(name, name)
        return f"line-{number}" if column == LINE else row.get(column)

    def time(self, value: Any) -> Any:
        """A time as events have it; what is none is left for the parser to refuse."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return round(value * 1000) if self.seconds and abs(value) < MOST_SECONDS else value
        if isinstance(value, str) and self.zone is not None:
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                return value
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - its zone follows
        if isinstance(value, datetime):
            if value.tzinfo is None and self.zone is not None:
                value = value.replace(tzinfo=self.zone)
            return value.isoformat()
        return value


PLAIN = FileLayout()


def layout_of(
    columns: tuple[str, ...], constants: tuple[str, ...], seconds: bool, zone: str | None
) -> FileLayout:
    """A layout from options of the command line.

    Raises
    ------
    ConfigError
        An option is not ``FIELD=...``, or the zone is not known.
    """
    known = None
    if zone is not None:
        try:
            known = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ConfigError(
                "--zone", [Problem("the option", repr(zone), "a zone such as Europe/Paris or UTC")]
            ) from None
    return FileLayout(_pairs("--column", columns), _pairs("--set", constants), seconds, known)


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in given:
        name, equals, value = text.partition("=")
        if name not in FIELDS or not equals or not value:
            expected = f"FIELD=..., where FIELD is one of {', '.join(FIELDS)}"
            raise ConfigError(option, [Problem("the option", repr(text), expected)])
        pairs[name] = value
    return pairs
