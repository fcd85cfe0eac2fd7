"""How calls name what they work on, by numbers: places in buffers, maps that lie there, constants.

Where a buffer lies in the arena is settled by ``arena``, how a constant is packed by ``packing``.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["INPUT", "ConstantRef", "IsFp16", "Map", "Place"]


class Place(NamedTuple):
    """``offset`` floats into buffer number ``buffer``, or into the caller's input."""

    buffer: int
    offset: int = 0

    def moved(self, floats: int) -> Place:
        """Give the place so many floats on."""
        return Place(self.buffer, self.offset + floats)


INPUT = Place(-1)  # the caller's image


class Map(NamedTuple):
    """An activation as kernels see it: ``lcnn_map``."""

    offset: Place
    plane: int
    row: int
    channels: int
    height: int
    width: int
    top: int
    bottom: int
    left: int
    right: int


class ConstantRef(NamedTuple):
    """Constant number ``number`` of the plan."""

    number: int


class IsFp16(NamedTuple):
    """1 where constant number ``number`` is packed as float16, else 0: known once it is packed."""

    number: int
