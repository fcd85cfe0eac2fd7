"""What ``verify`` and ``profile`` run on: images, or seeded noise where none are named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..images.preprocessing import as_batch, normalize
from ..model.graph import Graph

__all__ = ["inputs"]

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
