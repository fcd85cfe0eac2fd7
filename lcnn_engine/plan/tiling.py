"""How the lookups of one layer are walked: tiles of pixels, blocks of atoms, alignments. By a model of its cost, whose
constants are the machine's. Loads take longer with every doubling of what they are spread over beyond the first-level
cache.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..kernels import CONSTANTS
from .machine import Machine

LARGE_TILE = CONSTANTS["LARGE_TILE"]  # vectors: above, the kernels have even tiles only


class Tiling(NamedTuple):
    """``tile`` vectors of pixels at once, S in ``blocks`` of atoms, lookups by the lane of a cache line they begin at.

    ``shifts`` are those lanes; (0,) alone: lookups stay as they are. ``nanoseconds`` of one filter, as estimated.
    """

    tile: int
    blocks: int
    shifts: tuple[int, ...]
    nanoseconds: float


def alignments_of(offsets: np.ndarray, lines: tuple[int, int]) -> tuple[int, ...]:
    """Find where in a line lookups at ``offsets`` (nnz,) begin, from the largest to 0.

    A line is ``lines[0]`` floats where that makes no more alignments than ``lines[1]``.
    """
    whole, half = (_starts(offsets, line) for line in lines)
    return tuple(int(shift) for shift in (whole if len(whole) <= len(half) else half)[::-1])


def _starts(offsets: np.ndarray, line: int) -> np.ndarray:
    counts = np.bincount(offsets % line, minlength=line)  # np.unique would import numpy.ma, which takes 15 ms
    counts[0] += 1
    return np.flatnonzero(counts)


def registers_of(tile: int, tiles: int, shift: int, left: int) -> float:
    """Give the registers of a tile, those of ``tiles`` on average, whose pixels move by up to ``shift`` lanes.

    What leaves a tile takes one more, except behind the last one where it has as many lanes ``left``.
    """
    more = tiles - (left >= shift) if shift else 0
    return tile + more / tiles


def choose_tiling(
    machine: Machine,
    *,
    pixels: int,
    filters: int,
    lookups: int,
    planes: int,
    halo: int,
    shifts: tuple[int, ...],
    width: int,
    max_tile: int,
) -> Tiling:
    """Choose the cheapest way for ``lookups`` in all on ``planes`` planes of S, each read up to ``halo`` beyond a tile.

    ``pixels`` in all, in vectors of ``width``, tiles of at most ``max_tile``; ``shifts`` as of ``alignments_of``, or
    (0,) where the kernels know one alignment.
    """
    each = lookups / filters
    vectors = -(-pixels // width)
    fewest = -(-vectors // max_tile)
    most = min(vectors, 4 * fewest)  # tiles in a row of them; from each size, so that a large image takes no longer
    tiles = {tile for tile in range(-(-vectors // most), max_tile + 1) if -(-vectors // -(-vectors // tile)) == tile}
    blocks = range(1, max(1, min(int(each / machine.tile_block_lookups), 64)) + 1)
    ways = [
        Tiling(tile, parts, kept, _nanoseconds(machine, pixels, tile, parts, kept, each, planes, halo, width))
        for tile in sorted({tile + tile % 2 if tile > LARGE_TILE else tile for tile in tiles})
        for parts in blocks
        for kept in dict.fromkeys([(0,), shifts])
    ]
    return min(ways, key=lambda way: way.nanoseconds)


def _nanoseconds(
    machine: Machine,
    pixels: int,
    tile: int,
    blocks: int,
    shifts: tuple[int, ...],
    lookups: float,
    planes: int,
    halo: int,
    width: int,
) -> float:
    """Estimate the time of one filter over the whole image."""
    costs, moves = machine.costs, len(shifts) - 1
    vectors = -(-pixels // width)
    tiles = -(-vectors // tile)
    registers = registers_of(tile, tiles, shifts[0], vectors * width - pixels)
    slice_of_s = max(1, planes) / blocks * (tile * width + halo)
    load = costs.aligned if moves else costs.straddling
    load += costs.farther * max(0.0, math.log2(slice_of_s / machine.tile_floats))
    block = costs.loop + costs.begin * registers + costs.move * moves * registers
    one = blocks * block + lookups * registers * load
    return tiles * (one + costs.partial_sum * tile * (blocks - 1) + costs.end * tile)
