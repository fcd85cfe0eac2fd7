"""Where activations lie: buffers with lifetimes in one arena, and channel-planar values with their zero borders."""

from __future__ import annotations

import bisect
import heapq
from dataclasses import dataclass, field
from typing import NamedTuple

from ..model.graph import Shape

LINE = 16  # floats of a 64-byte cache line
SLACK = 64  # floats before and behind all buffers: vectors may reach past the pixels that are kept

Border = tuple[int, int, int, int]  # top, bottom, left, right
NO_BORDER: Border = (0, 0, 0, 0)


def round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def whole_lines(row: int, share: int = 14) -> int:
    """The length of a row so that rows begin on cache lines, where that makes it no more than
    one part in ``share`` longer; else as it is.

    Lookups then stand at as many places within a line as their kernel has columns, and no more.
    """
    longer = round_up(row, LINE)
    return longer if share * (longer - row) <= row else row


def plane_of(used: int) -> int:
    """Floats from plane to plane, of ``used`` floats each, on cache lines.

    Never a multiple of 4 KiB, where all planes fall into one cache set.
    """
    plane = round_up(used, LINE)
    return plane if plane % 1024 else plane + LINE


class Map(NamedTuple):
    """``lcnn_map`` of csrc/steps.h, field for field."""

    offset: int
    plane: int
    row: int
    channels: int
    height: int
    width: int
    top: int
    bottom: int
    left: int
    right: int


@dataclass(eq=False)
class Buffer:
    """A stretch of the arena, ``size`` floats, in use from step ``first`` to step ``last``; ``offset`` comes last.

    Step ``first`` may write it over any of ``replaces``, buffers of the same size.
    """

    size: int
    first: int = -1
    last: int = -1
    offset: int = -1
    replaces: tuple[Buffer, ...] = ()

    def touch(self, step: int) -> None:
        """Step number ``step`` reads or writes this buffer."""
        self.first = step if self.first < 0 else self.first
        self.last = step


@dataclass(eq=False)
class Value:
    """An activation (height, width, channels) in the arena; a vector is a picture of one pixel."""

    height: int
    width: int
    channels: int
    border: Border = NO_BORDER
    buffer: Buffer = field(init=False)

    def __post_init__(self) -> None:
        self.buffer = Buffer(self.plane * self.channels)

    @property
    def row(self) -> int:
        return self.border[2] + self.width + self.border[3]

    @property
    def used(self) -> int:
        """Floats of a plane, without what is behind the bottom border."""
        return (self.border[0] + self.height + self.border[1]) * self.row

    @property
    def plane(self) -> int:
        """Floats from channel to channel."""
        if self.used == 1:
            return 1
        return plane_of(self.used)

    def write_over(self, *sources: Value) -> None:
        """Let this value take the place of one of ``sources`` that lies as it does, when that is not read any more."""
        same = [s for s in sources if s.border == self.border and s.channels == self.channels and s.used == self.used]
        self.buffer.replaces = tuple(source.buffer for source in same)

    def map(self, first_channel: int = 0, channels: int | None = None) -> Map:
        """The descriptor for kernels, of all channels or some. Valid once the arena is laid out."""
        top, bottom, left, right = self.border
        return Map(
            offset=self.buffer.offset + first_channel * self.plane + top * self.row + left,
            plane=self.plane,
            row=self.row,
            channels=self.channels if channels is None else channels,
            height=self.height,
            width=self.width,
            top=top,
            bottom=bottom,
            left=left,
            right=right,
        )


def value_of(shape: Shape, border: Border = NO_BORDER) -> Value:
    """A value of that outside shape, (H, W, C) or (C,)."""
    height, width, channels = shape if len(shape) == 3 else (1, 1, shape[0])
    return Value(height, width, channels, border)


class _Gaps:
    """Stretches of the arena that are free again, no two touching, found by size: to look at each in turn would take a
    graph of many nodes quadratic time."""

    def __init__(self) -> None:
        self._sizes: list[tuple[int, int]] = []  # (size, start), sorted
        self._stop_of: dict[int, int] = {}
        self._start_of: dict[int, int] = {}

    def take(self, size: int) -> int | None:
        """The start of ``size`` floats in the smallest gap that holds them, or None."""
        i = bisect.bisect_left(self._sizes, (size, 0))
        if i == len(self._sizes):
            return None
        start = self._sizes[i][1]
        stop = self._remove(start)
        if stop - start > size:
            self._insert(start + size, stop)
        return start

    def give_back(self, start: int, stop: int) -> None:
        """Put [start, stop) among the gaps and join it with its neighbours."""
        if stop in self._stop_of:
            stop = self._remove(stop)
        if start in self._start_of:
            start = self._start_of[start]
            self._remove(start)
        self._insert(start, stop)

    def _insert(self, start: int, stop: int) -> None:
        bisect.insort(self._sizes, (stop - start, start))
        self._stop_of[start], self._start_of[stop] = stop, start

    def _remove(self, start: int) -> int:
        """Forget the gap that begins at ``start``; where it ends."""
        stop = self._stop_of.pop(start)
        del self._start_of[stop]
        del self._sizes[bisect.bisect_left(self._sizes, (stop - start, start))]
        return stop


def _replacements(buffers: list[Buffer]) -> dict[Buffer, Buffer]:
    """The buffers that lie where another does that nobody reads any more, and that other one, which then is in use for
    as long as both."""
    places: dict[Buffer, Buffer] = {}
    for buffer in sorted(buffers, key=lambda b: b.first):
        for replaced in buffer.replaces:
            place = places.get(replaced, replaced)
            if place.last == buffer.first:
                places[buffer] = place
                place.last = buffer.last
                break
    return places


def lay_out(buffers: list[Buffer]) -> int:
    """Give every buffer its offset, so that no two in use at one time overlap, but for those that replace another; the
    size of the arena in floats.

    In the order of first use, each in the smallest gap that holds it.
    """
    places = _replacements(buffers)
    gaps = _Gaps()
    living: list[tuple[int, int, int]] = []  # heap of (last, offset, end)
    end = SLACK
    for buffer in sorted((b for b in buffers if b not in places), key=lambda b: b.first):
        while living and living[0][0] < buffer.first:
            _, start, stop = heapq.heappop(living)
            gaps.give_back(start, stop)
        size = round_up(buffer.size, LINE)
        free = gaps.take(size)
        if free is None:
            free, end = end, end + size
        buffer.offset = free
        heapq.heappush(living, (buffer.last, free, free + size))
    for buffer, place in places.items():
        buffer.offset = place.offset
    return end + SLACK
