"""What lookups read: planes of the input, of its phases, or of S = D X."""

from __future__ import annotations

from typing import NamedTuple

from ..calls import Place


class Planes(NamedTuple):
    """Planes that a lookup reads in flat runs: m channels, or k atoms, ``plane`` apart.

    ``row`` floats from one output row to the next, ``phase`` from one phase of the stride to the next; the first float
    that lookups reach lies at ``start``, the last one ``columns`` later.
    """

    start: Place
    channels: int
    plane: int
    row: int
    columns: int
    phases: dict[tuple[int, int], int]  # (y, x) within a stride -> floats from `start`
    strides: tuple[int, int] = (1, 1)  # of the output positions, in rows and floats: 1 where phases are apart

    @property
    def end(self) -> int:
        """Floats of the buffer, up to the end of the last plane."""
        return self.channels * self.plane + self.start.offset
