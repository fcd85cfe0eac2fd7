"""The network that a command runs, in the precision that is asked for."""

from __future__ import annotations

import argparse
import sys

from ..net import Net
from ..runtime.info import kernel_info
from ..runtime.precision import FASTEST

__all__ = ["limits_of", "load", "say_precision"]


def load(options: argparse.Namespace, threads: int | None) -> Net:
    """Load the network of a command, and say so where another precision is computed than was asked for."""
    net = Net.load(
        options.model,
        threads=threads,
        precision=options.precision,
        max_bytes=options.max_bytes,
        max_multiplications=options.max_multiplications,
    )
    say_precision(options.precision, net.precision)
    return net


def limits_of(options: argparse.Namespace) -> dict[str, int]:
    """Give what a command lets its model take, as ``read_model``, ``Net.load`` and others call it."""
    return {"max_bytes": options.max_bytes, "max_multiplications": options.max_multiplications}


def say_precision(wanted: str, found: str) -> None:
    """Say on the standard error that ``found`` is computed, where that is not what was ``wanted``."""
    if wanted not in (found, FASTEST):
        print(f"lcnn: no {wanted} in the kernels {kernel_info()['isa']}: computed in {found}", file=sys.stderr)
