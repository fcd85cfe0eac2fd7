"""What a network is held to something on: images, seeded noise where none are named, and arrays of a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from ..model.graph import Graph
from .preprocessing import as_batch, normalize

__all__ = ["inputs", "read_arrays"]

SEED = 20_171


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


def read_arrays(path: str | os.PathLike[str], count: int | None = None) -> np.ndarray:
    """Read what a training pipeline made of images, from what ``numpy.save`` wrote of it: float32 (N, H, W, C).

    ``count``: how many there must be. Raises InputError for anything else, and OSError.
    """
    try:
        found: Any = np.load(path, mmap_mode="r", allow_pickle=False)  # mapped: no more is read than the file has
    except (ValueError, EOFError) as error:
        raise InputError(f"{path}: expected what numpy.save wrote of an array, got {error}") from error
    kind = f"an array of floats (N, H, W, C), N = {count}" if count is not None else "an array of floats (N, H, W, C)"
    if not isinstance(found, np.ndarray):
        raise InputError(f"{path}: expected {kind}, got several; write one by numpy.save")
    if found.dtype.kind != "f" or found.ndim < 2 or not found.size or count not in (None, len(found)):
        raise InputError(f"{path}: expected {kind}, got {found.dtype} of shape {found.shape}")
    return np.asarray(found, np.float32)
