"""Builds the kernels. Everything else about the package is in pyproject.toml.

Each variant of the kernels is a small library with flags of its own: the extension as a whole is compiled for any
processor of its family, and picks a variant when it runs.
"""

import os
import platform
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

SOURCES = Path("lcnn_engine/kernels/csrc")
COMMON = ["-std=gnu11", "-O3", "-Wall", "-Wextra", "-fPIC", "-fvisibility=hidden", "-fno-math-errno"]
VARIANTS = {"scalar": []}
if platform.machine().lower() in ("x86_64", "amd64"):
    VARIANTS["avx2"] = ["-mavx2", "-mfma", "-mf16c"]
    VARIANTS["avx512"] = ["-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mfma", "-mf16c"]

# A library's objects depend on all headers; setuptools rebuilds them when one is newer.
headers = sorted(str(path) for path in SOURCES.glob("*.h"))


def variant_library(name: str, flags: list[str]) -> tuple[str, dict]:
    source = str(SOURCES / f"variant_{name}.c")
    return f"lcnn_{name}", {"sources": [source], "cflags": COMMON + flags, "obj_deps": {source: headers}}


shared = [str(SOURCES / f"{name}.c") for name in ("blas", "cpu", "halves", "memory", "program", "threads", "layouts")]
program = Extension(
    "lcnn_engine.kernels.program",
    ["lcnn_engine/kernels/program.pyx", *shared],
    include_dirs=[str(SOURCES)],
    depends=headers,
    define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
    extra_compile_args=["-std=gnu11", "-O3", "-fvisibility=hidden", "-Wno-unused-function"],
    extra_link_args=[] if sys.platform == "darwin" else ["-pthread"],
)

setup(
    libraries=[variant_library(name, flags) for name, flags in VARIANTS.items()],
    ext_modules=cythonize([program], nthreads=min(2, os.cpu_count() or 1), language_level=3),
)
