"""Plain text for a terminal: aligned tables, numbers, one-line errors."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

__all__ = ["complain", "counted", "message_of", "millions", "note", "printable", "shape_text", "table"]


def printable(text: str) -> str:
    """Give ``text`` without line breaks and control characters, which names in a file from outside may hold."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def message_of(error: BaseException) -> str:
    """Say what went wrong; the system's errors name their file first, as ours do."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def complain(message: str) -> None:
    """Write one line to the standard error, over a note."""
    note("")
    print(f"lcnn: error: {printable(' '.join(message.split()))}", file=sys.stderr)


def note(message: str) -> None:
    """Say what is being done, on a terminal's standard error, over the last note; an empty one wipes it away."""
    if sys.stderr is not None and sys.stderr.isatty():
        print(f"\r\x1b[2K{printable(message)}", end="", file=sys.stderr, flush=True)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> str:
    """Set rows under a head, in columns as wide as they need to be; the first ``left`` columns are ranged left."""
    lines = [tuple(head), *(tuple(map(printable, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def shape_text(shape: Sequence[int]) -> str:
    """Write ``(224, 224, 3)`` as ``224 x 224 x 3``."""
    return " x ".join(map(str, shape))


def millions(number: int) -> str:
    """Write a count in millions, to the thousand; empty for 0."""
    return f"{number / 1e6:,.3f}" if number else ""


def counted(number: int, noun: str) -> str:
    """Write ``1 node``, ``2 nodes``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
