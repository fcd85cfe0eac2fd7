"""What a plan calls: the kinds of its steps."""

from __future__ import annotations

from enum import Enum

__all__ = ["StepKind"]


class StepKind(Enum):
    """What a step computes, and by which family of kernels; values are how JSON spells them."""

    INPUT = "input"
    OUTPUT = "output"
    REORDER = "reorder"
    SPLIT_BY_STRIDE = "split_by_stride"
    DICTIONARY = "dictionary"
    NONZEROS = "nonzeros"
    DENSE = "dense"
    LOOKUP_TILE = "lookup_tile"
    LOOKUP_GATHER = "lookup_gather"
    CONV = "conv"
    CONV_PATCHES = "conv_patches"
    POOL = "pool"
    GLOBAL_POOL = "global_pool"
    POINTWISE = "pointwise"
    COMBINE = "combine"
    LRN = "lrn"
    SOFTMAX = "softmax"
