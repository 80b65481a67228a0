"""Tracebacks that tell where an error was raised, and nothing of what it says.

The text of a bug's error often quotes what it stumbled over: an id, an event's content. That is
shown at debug level alone. What the machine or the brokers say is shown always.
"""

from __future__ import annotations

import traceback
from pathlib import Path

from aiokafka.errors import KafkaError

from models.errors import PenchantError

#: Errors whose texts never quote an event.
HARMLESS = (OSError, KafkaError, PenchantError)
HEADING = "Traceback (most recent call last):\n"
CAUSED = "\nThe error above was the cause of this one:\n\n"
MEANWHILE = "\nWhile the error above was handled, this one came:\n\n"


class ElsewhereError(Exception):
    """Something was raised in another process of ours.

    Parameters
    ----------
    text
        What it says.
    place
        Its kind and where it was raised.
    traceback
        How it came about, without what it says.
    """

    def __init__(self, text: str, place: str, traceback: str) -> None:
        super().__init__(text)
        self.place = place
        self.traceback = traceback


def place_of(error: BaseException) -> str:
    """The kind of an error and where it was raised; nothing of what it says.

    Examples
    --------
    >>> place_of(KeyError("goal"))
    'KeyError'
    """
    if isinstance(error, ElsewhereError):
        return error.place
    frames = traceback.extract_tb(error.__traceback__)
    kind = type(error).__name__
    if not frames:
        return kind
    last = frames[-1]
    return f"{kind} in {Path(last.filename).name}:{last.lineno}"


def traceback_of(error: BaseException) -> str:
    """The traceback of an error and of those that led to it, without their texts.

    Examples
    --------
    >>> print(traceback_of(KeyError("goal")))
    Traceback (most recent call last):
    KeyError
    """
    told: list[str] = []
    seen: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and not any(one is before for before in seen):
        seen.append(one)
        told.append("".join([HEADING, *traceback.format_tb(one.__traceback__), _said(one)]))
        if one.__cause__ is not None:
            told.append(CAUSED)
            one = one.__cause__
        else:
            one = None if one.__suppress_context__ else one.__context__
            told += [MEANWHILE] if one is not None else []
    if seen and isinstance(seen[-1], ElsewhereError):
        told += [CAUSED, seen[-1].traceback]
    return "".join(reversed(told))


def _said(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = f"{kind.__module__}.{name}"
    return f"{name}: {error}" if isinstance(error, HARMLESS) else name
