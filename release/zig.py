"""Zig's C compiler, which has the headers and libraries of every system it compiles for (PyPI: ziglang)."""

from __future__ import annotations

import importlib.util
import shlex
import sys

__all__ = ["FLAGS", "GLIBC", "compiler", "environment", "installed"]

GLIBC = "2.28"  # the C library that wheels ask for: manylinux_2_28
FLAGS = "-fno-strict-overflow -DNDEBUG"  # as every Python is compiled; its own say more, and not two the same


def installed() -> bool:
    """Tell whether the package ziglang is there."""
    return importlib.util.find_spec("ziglang") is not None


def compiler(target: str) -> list[str]:
    """Give the command that compiles C for ``target``, by zig's name: ``x86_64-linux-gnu.2.28``, ``aarch64-macos``."""
    return [sys.executable, "-m", "ziglang", "cc", "-target", target]


def environment(target: str) -> dict[str, str]:
    """Give the variables by which setuptools compiles, archives and links for ``target``.

    The flags are the same for every Python, so that zig finds what it compiled for another one.
    """
    command = shlex.join(compiler(target))
    return {
        "CC": command,
        "CFLAGS": FLAGS,
        "LDSHARED": f"{command} -shared",
        "AR": shlex.join([sys.executable, "-m", "ziglang", "ar"]),
        "ARFLAGS": "rcs",
    }
