"""How activations lie in memory: channel-planar, with a border of zeros around every plane."""

from __future__ import annotations

from typing import NamedTuple

from ..kernels import CONSTANTS
from ..model.graph import Shape
from .references import Map, Place

LINE = CONSTANTS["LINE"]  # floats of a 64-byte cache line

Border = tuple[int, int, int, int]  # top, bottom, left, right
NO_BORDER: Border = (0, 0, 0, 0)


def round_up(number: int, multiple: int) -> int:
    """Give the least multiple of ``multiple`` that is no less than ``number``."""
    return -(-number // multiple) * multiple


def whole_lines(row: int, share: int) -> int:
    """Lengthen a row so that rows begin on cache lines, where that makes it at most one part in ``share`` longer.

    Lookups then stand at as many places within a line as their kernel has columns, and no more.
    """
    longer = round_up(row, LINE)
    return longer if share * (longer - row) <= row else row


def plane_of(used: int) -> int:
    """Choose the floats from plane to plane, of ``used`` floats each, on cache lines.

    Never a multiple of 4 KiB, where all planes fall into one cache set.
    """
    plane = round_up(used, LINE)
    return plane if plane % 1024 else plane + LINE


class Layout(NamedTuple):
    """Sizes of an activation (height, width, channels) and its border; a vector is an image of one pixel.

    What lies between two rows is the right border of the one and the left border of the next: rows of 7 values with a
    border of one are 8 floats apart.
    """

    height: int
    width: int
    channels: int
    border: Border = NO_BORDER

    @property
    def row(self) -> int:
        """Floats from row to row."""
        return self.width + max(self.border[2], self.border[3])

    @property
    def rows(self) -> int:
        """Rows of a plane: behind the bottom border one more, where it begins with the last one's right border."""
        top, bottom, left, right = self.border
        return top + self.height + bottom + (left + self.width + right > self.row)

    @property
    def used(self) -> int:
        """Floats of a plane, without what is behind the last row."""
        return self.rows * self.row

    @property
    def plane(self) -> int:
        """Floats from channel to channel."""
        return 1 if self.used == 1 else plane_of(self.used)

    @property
    def size(self) -> int:
        """Floats in all."""
        return self.plane * self.channels


def layout_of(shape: Shape, border: Border = NO_BORDER) -> Layout:
    """Give the layout of a value of that outside shape, (H, W, C) or (C,)."""
    height, width, channels = shape if len(shape) == 3 else (1, 1, shape[0])
    return Layout(height, width, channels, border)


class Value(NamedTuple):
    """An activation: its layout, and the buffer that it fills."""

    layout: Layout
    buffer: int

    def map(self, first_channel: int = 0, channels: int | None = None) -> Map:
        """Describe it to kernels, all channels or some."""
        layout = self.layout
        top, bottom, left, right = layout.border
        return Map(
            offset=Place(self.buffer, first_channel * layout.plane + top * layout.row + left),
            plane=layout.plane,
            row=layout.row,
            channels=layout.channels if channels is None else channels,
            height=layout.height,
            width=layout.width,
            top=top,
            bottom=bottom,
            left=left,
            right=right,
        )

    def rows(self, first: int, last: int) -> Map:
        """Describe rows [first, last). The border above belongs to its first row, that below to its last."""
        whole = self.map()
        return whole._replace(
            offset=whole.offset.moved(first * whole.row),
            height=last - first,
            top=0 if first else whole.top,
            bottom=0 if last < self.layout.height else whole.bottom,
        )
