"""Regular expressions that cannot explode: RE2 answers in time linear in the text."""

from __future__ import annotations

from collections.abc import Callable

import re2

LONGEST = 500


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    r"""A function that says whether the pattern is found anywhere in a text.

    Raises
    ------
    ValueError
        Not a regular expression that RE2 knows, or too long.

    Examples
    --------
    >>> compile_pattern(r"^/help/\w+$")("/help/billing")
    True
    """
    if len(pattern) > LONGEST:
        raise ValueError(f"a regular expression of at most {LONGEST} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        compiled = re2.compile(pattern, options=options)
    except re2.error as error:
        raise ValueError(f"a regular expression (RE2): {_said(error)}") from None
    return lambda text: compiled.search(text) is not None


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else error
    return said.decode() if isinstance(said, bytes) else str(said)
