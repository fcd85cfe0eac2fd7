"""Finding the OpenBLAS that NumPy brings, without importing scipy.linalg, which takes a quarter of a second.

NumPy's core module is linked against its BLAS, so a symbol looked up through that module's handle is found in that
very library, whatever else the process has loaded. Where NumPy has no cblas inside, SciPy's BLAS serves.
"""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import MissingPackageError

try:
    from . import program
except ImportError as error:
    if importlib.util.find_spec(f"{__package__}.program"):
        raise
    raise ImportError(
        f"expected the kernels of lcnn_engine, compiled for Python {sys.version.split()[0]}, in "
        f"{Path(__file__).parent}, found none; compile them: pip install -e . (in the clone)"
    ) from error

__all__ = ["Blas", "bind", "in_use"]

# (prefix, suffix, 64-bit integers): NumPy's and SciPy's wheels, then distributions.
_FLAVOURS = (("scipy_", "64_", True), ("", "64_", True), ("scipy_", "", False), ("", "", False))


@dataclass(frozen=True)
class Blas:
    """The library in use: where it came from, its description of itself and the processor core it works for."""

    library: str
    config: str
    core: str


_found = Blas("none", "", "")


def _core_module() -> str:
    """Path of the module of NumPy that calls its BLAS."""
    return str(importlib.import_module("numpy._core._multiarray_umath").__file__)


def _symbol(library: ctypes.CDLL, name: str) -> ctypes._FuncPointer | None:
    return getattr(library, name, None)


def _text(library: ctypes.CDLL, name: str) -> str:
    function = _symbol(library, name)
    if function is None:
        return "unknown"
    function.restype = ctypes.c_char_p
    return function().decode()


def _bind_numpy() -> Blas | None:
    try:
        library = ctypes.CDLL(_core_module())
    except OSError:
        return None
    for prefix, suffix, wide in _FLAVOURS:
        function = _symbol(library, f"{prefix}cblas_sgemm{suffix}")
        if function is None:
            continue
        address = ctypes.cast(function, ctypes.c_void_p).value
        assert address  # a symbol that was found
        program.use_cblas(address, wide)
        config = _text(library, f"{prefix}openblas_get_config{suffix}")
        return Blas("NumPy's", config, _text(library, f"{prefix}openblas_get_corename{suffix}"))
    return None


def _bind_scipy() -> Blas:
    try:
        from scipy.linalg import cython_blas
    except ImportError as error:
        raise MissingPackageError(
            "expected a NumPy that brings OpenBLAS, as its wheels do, or else SciPy, found neither; "
            "install one: pip install scipy"
        ) from error
    program.use_fortran(cython_blas.__pyx_capi__["sgemm"])
    return Blas("SciPy's", "unknown", "unknown")


def bind() -> None:
    """Give the kernels their sgemm. Called once, at import."""
    global _found
    _found = _bind_numpy() or _bind_scipy()


def in_use() -> Blas:
    """Name the BLAS that dictionaries are computed with."""
    return _found
