"""The plan as data: steps, and the kernel calls that they are made of.

Everything here, in ``fields`` and in ``references`` is immutable and compares by value. What bytes a call becomes is
settled by ``encode``.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from .fields import Fields
from .references import INPUT, Map, Place

__all__ = ["KernelCall", "Step", "StepKind"]


class StepKind(enum.Enum):
    """What a step computes, and by which family of kernels; values are how JSON spells them."""

    INPUT = "input"
    OUTPUT = "output"
    REORDER = "reorder"
    SPLIT_BY_STRIDE = "split_by_stride"
    PACK_PAIRS = "pack_pairs"
    PACK_QUADS = "pack_quads"
    DICTIONARY = "dictionary"
    NONZEROS = "nonzeros"
    DENSE = "dense"
    LOOKUP_TILE = "lookup_tile"
    LOOKUP_GATHER = "lookup_gather"
    LOOKUP_SHARED = "lookup_shared"
    CONV = "conv"
    CONV_PATCHES = "conv_patches"
    CONV_DEPTHWISE = "conv_depthwise"
    WINOGRAD_INPUT = "winograd_input"
    CONV_WINOGRAD = "conv_winograd"
    POOL = "pool"
    GLOBAL_POOL = "global_pool"
    POINTWISE = "pointwise"
    COMBINE = "combine"
    LRN = "lrn"
    SOFTMAX = "softmax"
    NORM = "norm"
    CHANNEL_POOL = "channel_pool"
    CONSTANT = "constant"
    GATHER = "gather"
    INTERPOLATE = "interpolate"


class Step(NamedTuple):
    """A kernel at work on one node, in one call or in bands of rows: what runs, and the multiplications it makes.

    ``op`` and ``kernel`` are for people to read; programs go by ``kind``.
    """

    name: str
    op: str
    kind: StepKind
    kernel: str
    multiplications: int


class KernelCall(NamedTuple):
    """One call of ``kernel``, a name of LCNN_KERNELS, as a part of step number ``step``.

    ``units`` is how many pieces threads may share, ``work`` how many multiplications it makes or floats it moves,
    ``scratch`` how many floats of its own a thread needs, ``reads`` how many floats of S lookups go to and fro over.
    """

    step: int
    kernel: str
    fields: Fields
    inputs: tuple[Map, ...] = ()
    output: Map | None = None
    units: int = 1
    work: int = 0
    scratch: int = 0
    reads: int = 0

    @property
    def buffers(self) -> set[int]:
        """Numbers of the buffers that it reads or writes."""
        maps = self.inputs if self.output is None else (*self.inputs, self.output)
        places = [value for value in self.fields if isinstance(value, Place)]
        return {place.buffer for place in (*(map_.offset for map_ in maps), *places)} - {INPUT.buffer}
