"""What the engine found on this machine."""

from __future__ import annotations

from typing import Any

from ..kernels import blas, choose_variant, left_out, usable_variants
from .threads import default_threads

__all__ = ["kernel_info"]


def kernel_info() -> dict[str, Any]:
    """Say which kernels and which BLAS are in use.

    Keys: ``isa`` (str, in use), ``isa_available`` (list, fastest first), ``isa_left_out`` (list, what this
    build's compiler could not build), ``blas`` (whose library), ``blas_config`` and ``blas_core`` (what it says of
    itself), ``threads`` (int, the default of ``Net.load``). Raises SettingError where ``LCNN_ISA`` names no variant.
    """
    library = blas.in_use()
    return {
        "isa": choose_variant(),
        "isa_available": usable_variants(),
        "isa_left_out": left_out(),
        "blas": library.library,
        "blas_config": library.config,
        "blas_core": library.core,
        "threads": default_threads(),
    }
