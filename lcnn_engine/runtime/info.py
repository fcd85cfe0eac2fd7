"""What the engine found on this machine."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..kernels import blas, choose_variant, left_out, usable_variants
from .precision import native_precisions
from .threads import default_threads

__all__ = ["kernel_info"]


def kernel_info() -> dict[str, Any]:
    """Say which kernels and which BLAS are in use, and the versions of what takes part.

    Keys: ``lcnn``, ``numpy`` and ``pillow`` (versions; None for a Pillow that is not installed), ``isa`` (str, in use),
    ``isa_available`` (list, fastest first), ``isa_left_out`` (list, what this build's compiler could not build),
    ``precisions`` (list, those that the kernels in use have instructions for),
    ``blas`` (whose library), ``blas_config`` and ``blas_core`` (what it says of itself), ``threads`` (int, the default
    of ``Net.load``). Raises SettingError where ``LCNN_ISA`` names no variant.
    """
    library = blas.in_use()
    return {
        "lcnn": sys.modules[__name__.partition(".")[0]].__version__,  # of the package, which imports this
        "numpy": np.__version__,
        "pillow": _version_of("Pillow"),
        "isa": choose_variant(),
        "isa_available": usable_variants(),
        "isa_left_out": left_out(),
        "precisions": native_precisions(),
        "blas": library.library,
        "blas_config": library.config,
        "blas_core": library.core,
        "threads": default_threads(),
    }


def _version_of(package: str) -> str | None:
    """Ask what pip knows: Pillow itself is not imported before an image comes."""
    from importlib.metadata import PackageNotFoundError, version  # here, since it takes 15 ms

    try:
        return version(package)
    except PackageNotFoundError:
        return None
