"""What the plan takes a machine to be: sizes of caches, limits, and fitted costs. Every choice of a kernel, a tile or a
blocking that depends on hardware reads its numbers here.

The costs of lookups were fitted to 929 timings of twelve layers on Zen 4 with AVX-512, in nanoseconds for one vector:
the tilings that they choose are within 1% of the best on average.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..model.node import Record


@dataclass(frozen=True, eq=False, repr=False)
class LookupCosts(Record):
    """Nanoseconds of the parts of a lookup layer, for one vector unless said otherwise."""

    aligned: float = 0.33
    """A fused multiply-add with its load, which lies within a cache line."""
    straddling: float = 0.49
    """The same where loads straddle lines."""
    farther: float = 0.083
    """More for each doubling of the slice of S beyond ``Machine.tile_floats``."""
    move: float = 0.13
    """Shifting a register's pixels from one alignment of lookups to the next."""
    begin: float = 0.14
    """A register's first value."""
    end: float = 0.83
    """Its activation and store."""
    partial_sum: float = 0.25
    """A sum that goes to scratch between blocks and comes back."""
    loop: float = 7.6
    """A filter in a block, whatever it does."""


@dataclass(frozen=True, eq=False, repr=False)
class Machine(Record):
    """Sizes are floats unless their name says bytes."""

    blas: bool = True
    """Whether there is one, for S = D X."""

    # Lookups.
    costs: LookupCosts = LookupCosts()
    tile_floats: int = 10000
    """Of S under a tile, of which most stay in a first-level cache of 32 KiB."""
    tile_block_lookups: int = 4
    """Of a filter in a block of atoms, at least: blocks that are smaller were never faster."""
    alignment_lines: tuple[int, int] = (16, 8)
    """A whole cache line where that makes no more alignments than half of one, which Zen 4 is content with."""
    gather_pixels: int = 4
    """Results of so few pixels are gathered one by one."""
    gather_floats: int = 8192
    """Of S in a block of theirs: less than a first-level cache."""
    gather_block_lookups: int = 16
    """Of a filter in such a block, at least: what a row costs before its first lookup."""
    shared_filters: int = 9
    """Of a group that shares its lookups, at least: a lane without a filter costs as much as one with."""
    shared_unit_pixels: int = 120
    """Pixels of a unit of such a group."""
    units: int = 8
    """Pieces that a call is cut into, at least, for threads to share."""
    mask_pixels: int = 2**20
    """Of a result whose rows are stored border and all, at most: each has an entry in a mask."""
    # Lengths of rows.
    line_share: int = 14
    """Rows are made whole cache lines where that makes them at most one part in so many longer."""
    line_share_few_channels: int = 8
    """The same for S = D X of an image, which costs little: ``few_channels`` or less."""
    few_channels: int = 4
    many_lookups: int = 8
    """Of a filter: from here on lookups gain more by longer rows than S = D X loses."""
    empty_lanes: float = 1.2
    """Lanes for each column of S = D X without a BLAS, from which on atoms lie in lanes."""
    multiplied_gain: float = 0.9
    """Of the time of a lookup layer, which its dense equivalent must take no more of: predictions are a tenth off."""
    # Dense convolutions.
    conv_pass_bytes: int = 256 * 1024
    """Weights of one pass: a share of the second-level cache."""
    conv_unit_pixels: int = 120
    """Pixels of a unit: twenty register tiles."""
    patch_floats: int = 8192
    """Windows of a tile of pixels, brought together: the first-level cache."""
    patch_width: int = 24
    """Of the result, at least: in narrower ones the rows that a tile is made of are too short."""
    patch_values: float = 2.5
    """Of a window, for each filter, at most: more take longer to bring together than results to transpose."""
    patch_run_share: float = 0.85
    """Of vectors whose lanes are pixels, where windows are read where they lie, at least."""
    patch_run_bytes: int = 512 * 1024
    """Weights that are read for every tile of such pixels, at most: half the second-level cache."""
    winograd_channels: int = 16
    """Channels and filters of a convolution by windows of 4 x 4, at least."""
    winograd_side: int = 4
    """Rows and columns of its result, at least."""
    winograd_unit: int = 48
    """Windows of a unit: eight register tiles."""
    # A convolution and the pool behind it.
    band_bytes: int = 1024 * 1024
    """Of a result: about a second-level cache."""
    max_bands: int = 1024
    """Of a pool: each is calls of a kilobyte, and a file of a few bytes may have 2^31 rows."""
