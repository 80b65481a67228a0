"""Examples under a command's --help, a line each."""

from __future__ import annotations

#: Tells click to leave the lines that follow as they are.
AS_IT_IS = "\b"


def examples(*lines: str) -> str:
    r"""Examples as the end of a command's help.

    Examples
    --------
    >>> examples("penchant demo")
    '\x08\nExamples:\n  penchant demo'
    """
    return "\n".join([AS_IT_IS, "Examples:", *(f"  {line}" for line in lines)])


def lines_of(epilog: str | None) -> list[str]:
    """The examples in a command's end of help.

    Examples
    --------
    >>> lines_of(examples("penchant demo", "penchant demo --keep"))
    ['penchant demo', 'penchant demo --keep']
    """
    return [line.strip() for line in (epilog or "").split("\n")[2:]]
