"""Kernels in C behind Cython: which of their variants to use, what they can do, and the BLAS under them.

``csrc/calls.h`` is the contract of the kernels, ``program.pyx`` runs them. Nothing here knows graphs, files or plans.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from ..errors import SettingError
from . import blas
from .program import (
    ACTIVATION_CODES,
    CALL_SIZE,
    CONSTANTS,
    KNOWN_VARIANTS,
    LAYOUTS,
    ConstantMemory,
    Program,
    capabilities_of,
    fits_fp16,
    needs_of,
    sgemm_columns,
    sums_of_rows,
    to_bf16,
    transpose_into,
    variants,
)

__all__ = [
    "ACTIVATION_CODES", "CALL_SIZE", "CONSTANTS", "LAYOUTS", "MAX_THREADS", "Capabilities", "ConstantMemory", "Program",
    "blas", "capabilities", "choose_variant", "fits_fp16", "left_out", "needs_of", "sgemm_columns", "sums_of_rows",
    "to_bf16", "transpose_into", "usable_variants", "variants",
]  # fmt: skip

MAX_THREADS = CONSTANTS["MAX_THREADS"]

blas.bind()


class Capabilities(NamedTuple):
    """What the plan must know of a variant, field for field as in ``csrc/variants/variant.h``."""

    width: int
    masks: int
    bf16: int
    int8: int
    alignments: int
    max_tile: int
    conv_lanes: int
    patch_filters: int
    patch_pixels: int
    dense_unit: int
    dictionary_pixels: int


def usable_variants() -> list[str]:
    """Name the kernel variants that run on this processor, fastest first."""
    return [name for name, runs in variants() if runs]


def left_out() -> list[str]:
    """Name the kernel variants for machines like this one that the compiler could not build."""
    built = [name for name, _ in variants()]
    return [name for name in KNOWN_VARIANTS if name not in built]


def capabilities(variant: str) -> Capabilities:
    """Tell what ``variant`` can do. Raises ValueError where it was not built."""
    return Capabilities(**capabilities_of(variant))


def choose_variant(name: str | None = None) -> str:
    """Choose the variant to use: ``name``, or the environment's ``LCNN_ISA``, or the fastest.

    A name only lowers: a variant that this processor or this build lacks means the fastest one below it. Raises
    SettingError for a name that no build has.
    """
    wanted = name or os.environ.get("LCNN_ISA")
    if not wanted:
        return usable_variants()[0]
    if wanted not in KNOWN_VARIANTS:
        known = ", ".join(KNOWN_VARIANTS)
        raise SettingError(f"expected LCNN_ISA to be one of {known}, got {wanted!r}; unset it for the fastest")
    usable = usable_variants()
    return next(name for name in KNOWN_VARIANTS[KNOWN_VARIANTS.index(wanted) :] if name in usable)
