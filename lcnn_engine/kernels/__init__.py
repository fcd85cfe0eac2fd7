"""Kernels in C behind Cython: which of their variants to use, and the BLAS under them.

``program.pyx`` wraps ``csrc/``; ``csrc/steps.h`` is the contract of the kernels. Nothing here knows graphs or files.
"""

from __future__ import annotations

import os

from ..errors import SettingError
from . import blas
from .program import ACTIVATION_CODES, MAX_THREADS, Program, halves, variants

__all__ = [
    "ACTIVATION_CODES", "MAX_THREADS", "Program", "blas", "choose_variant", "halves", "usable_variants", "variants",
]  # fmt: skip

blas.bind()


def usable_variants() -> list[str]:
    """Names of the kernel variants that run on this processor, fastest first."""
    return [name for name, runs in variants() if runs]


def choose_variant(name: str | None = None) -> str:
    """The variant to use: ``name``, or the environment's ``LCNN_ISA``, or the fastest.

    A name only lowers: a variant that this processor lacks means the fastest one below it. Raises SettingError for a
    name that no build has.
    """
    wanted = name or os.environ.get("LCNN_ISA")
    if not wanted:
        return usable_variants()[0]
    names = [known for known, _ in variants()]
    if wanted not in names:
        known = ", ".join(names)
        raise SettingError(f"expected LCNN_ISA to be one of {known}, got {wanted!r}; unset it for the fastest")
    return next(usable for usable, runs in variants()[names.index(wanted) :] if runs)
