"""How a value that came from outside is shown in an error message: short, whatever it is."""

from __future__ import annotations

import reprlib

__all__ = ["shown"]


class _Short(reprlib.Repr):
    """``repr`` in at most about a line; an integer of thousands of digits has no ``repr`` at all in Python."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 120
        self.maxlist = self.maxtuple = self.maxdict = 8
        self.maxlevel = 3
        self.limit = 240

    def repr_int(self, x: int, level: int) -> str:
        return repr(x) if x.bit_length() <= 128 else f"an integer of {x.bit_length()} bits"


def shown(value: object) -> str:
    """Write ``value`` as a message shows it: its ``repr``, cut short where it is long."""
    short = _Short()
    text = short.repr(value)
    return text if len(text) <= short.limit else f"{text[: short.limit]}..."
