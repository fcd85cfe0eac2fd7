"""How the lookups of one layer are walked: tiles of pixels, blocks of atoms, groups of lookups. By a model of its cost.

The constants were fitted to 929 timings of twelve layers on Zen 4 with AVX-512, in nanoseconds for one vector: the
tilings that it chooses are within 1% of the best on average. Loads take longer with every doubling of what they are
spread over beyond the first-level cache.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

FIRST_LEVEL = 10000  # floats of S under a tile, of which most stay in a first-level cache of 32 KiB
ALIGNED, STRADDLING = 0.33, 0.49  # one fused multiply-add and its load
FARTHER = 0.083  # more for each doubling of the slice of S beyond FIRST_LEVEL
MOVE = 0.13  # shifting a register's pixels from one group of lookups to the next
BEGIN, END = 0.14, 0.83  # a register's first value; its activation and store
WAIT = 0.25  # a sum that goes to scratch between blocks and comes back
LOOP = 7.6  # a filter in a block, whatever it does
FEWEST_LOOKUPS = 4  # of a filter in a block: blocks that are smaller were never faster
LARGE_TILE = 14  # vectors: above, the kernels have even tiles only
GROUP_LINE = 16, 8  # floats: a whole line where that makes no more groups than half of one, which Zen 4 is content with


@dataclass(frozen=True)
class Tiling:
    """``tile`` vectors of pixels at once, S in ``blocks`` of atoms, lookups in groups by the lane they begin at.

    ``shifts`` are those lanes; one group, (0,): lookups stay as they are. ``nanoseconds`` of one filter, as predicted.
    """

    tile: int
    blocks: int
    shifts: tuple[int, ...]
    nanoseconds: float


def shifts_of(offsets: np.ndarray) -> tuple[int, ...]:
    """Where in a line lookups at ``offsets`` (nnz,) begin, from the largest to 0."""
    whole, half = (np.union1d(offsets % line, [0]) for line in GROUP_LINE)
    return tuple(int(shift) for shift in (whole if len(whole) <= len(half) else half)[::-1])


def choose_tiling(
    *, vectors: int, filters: int, lookups: int, planes: int, reach: int, shifts: tuple[int, ...], width: int, most: int
) -> Tiling:
    """The cheapest way for ``lookups`` in all on ``planes`` planes of S, each read up to ``reach`` beyond a tile.

    ``vectors`` of ``width`` pixels in all, tiles of at most ``most``; ``shifts`` as of ``shifts_of``, or (0,) where the
    kernels know no groups.
    """
    each = lookups / filters
    numbers = range(-(-vectors // most), min(vectors, 4 * -(-vectors // most)) + 1)
    tiles = {-(-vectors // number) for number in numbers}
    blocks = range(1, max(1, min(int(each / FEWEST_LOOKUPS), 64)) + 1)
    ways = [
        Tiling(tile, parts, groups, _nanoseconds(vectors, tile, parts, len(groups), each, planes, reach, width))
        for tile in sorted({tile + tile % 2 if tile > LARGE_TILE else tile for tile in tiles})
        for parts in blocks
        for groups in dict.fromkeys([(0,), shifts])
    ]
    return min(ways, key=lambda way: way.nanoseconds)


def _nanoseconds(
    vectors: int, tile: int, blocks: int, groups: int, lookups: float, planes: int, reach: int, width: int
) -> float:
    """Of one filter over the whole picture."""
    registers = tile + (groups > 1)
    slice_of_s = max(1, planes) / blocks * (tile * width + reach)
    load = (ALIGNED if groups > 1 else STRADDLING) + FARTHER * max(0.0, math.log2(slice_of_s / FIRST_LEVEL))
    one = blocks * (LOOP + BEGIN * registers + MOVE * (groups - 1) * registers) + lookups * registers * load
    return -(-vectors // tile) * (one + WAIT * tile * (blocks - 1) + END * tile)
