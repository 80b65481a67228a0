"""What can go wrong, by who has to act.

::

    PenchantError
     ├── ConfigError      what the user wrote is wrong: say where, exit 2
     ├── InvalidEvent     a record that cannot be applied: dead-letter it, go on
     ├── StateError       a stored state cannot be read: stop, nothing is guessed
     └── SnapshotError    a snapshot is not fit to score with: keep the last good one
"""

from __future__ import annotations

from dataclasses import dataclass


class PenchantError(Exception):
    """Root of every error that Penchant raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in something a user wrote.

    Parameters
    ----------
    place
        Path inside the file, ``goals.churn.outcome.within``; empty for the file as a whole.
    found
        What stands there.
    expected
        What to write instead.
    line
        Line in the file, counted from one; None where it is not known.

    Examples
    --------
    >>> str(Problem("goals.churn.outcome.within", "'7 dayz'", "a duration such as 7d", 12))
    "goals.churn.outcome.within (line 12): found '7 dayz', expected a duration such as 7d"
    """

    place: str
    found: str
    expected: str
    line: int | None = None

    def __str__(self) -> str:
        line = f" (line {self.line})" if self.line else ""
        return f"{self.place or 'the file'}{line}: found {self.found}, expected {self.expected}"


class ConfigError(PenchantError):
    """A configuration that cannot be used, with everything found wrong in it.

    Parameters
    ----------
    source
        The file's name as the user gave it.
    problems
        At least one.

    Examples
    --------
    >>> print(ConfigError("goals.yaml", [Problem("goals", "nothing", "at least one goal")]))
    goals.yaml: goals: found nothing, expected at least one goal
    """

    def __init__(self, source: str, problems: list[Problem]) -> None:
        super().__init__("\n".join(f"{source}: {problem}" for problem in problems))
        self.source = source
        self.problems = problems


class InvalidEvent(PenchantError):  # noqa: N818 - the domain's word, as in the dead-letter topic
    """A record that cannot be applied.

    Parameters
    ----------
    reason
        A code from :data:`models.events.parsing.REASONS`; travels as the dead letter's header.
    message
        What was found, for a person; never the whole payload.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


class StateError(PenchantError):
    """A stored state that this version cannot read (written by a newer one, or damaged)."""


class SnapshotError(PenchantError):
    """A snapshot whose numbers cannot be trusted: wrong shape, not finite, out of bounds."""
