"""What commands run: a network in the precision that is asked for, on images or, where none are named, on noise."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from ..images.preprocessing import as_batch, normalize
from ..model.graph import Graph
from ..net import Net
from ..runtime.info import kernel_info
from ..runtime.precision import FASTEST

__all__ = ["inputs", "load", "say_precision"]

SEED = 20_171


def load(options: argparse.Namespace, threads: int | None) -> Net:
    """Load the network of a command in its precision, and say so where that is not what was asked for."""
    net = Net.load(options.model, threads=threads, precision=options.precision)
    say_precision(options.precision, net.precision)
    return net


def say_precision(wanted: str, found: str) -> None:
    """Say on the standard error that another precision is computed than was asked for."""
    if wanted not in (found, FASTEST):
        print(f"lcnn: no {wanted} in the kernels {kernel_info()['isa']}: computed in {found}", file=sys.stderr)


def inputs(graph: Graph, images: Sequence[str]) -> np.ndarray:
    """Read the images, or make one of noise, preprocessed: float32 (N, H, W, C).

    Raises InputError, FileNotFoundError.
    """
    if images:
        return as_batch(list(images), graph.input.shape, graph.preprocessing)[0]
    rng = np.random.default_rng(SEED)
    if graph.preprocessing is None:
        return rng.standard_normal((1, *graph.input.shape)).astype(np.float32)
    pixels = rng.integers(0, 256, (1, *graph.input.shape)).astype(np.uint8)
    return normalize(pixels, graph.preprocessing)
