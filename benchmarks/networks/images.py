"""What the networks are shown: real digits where a model says how to prepare them, noise for random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lcnn_engine.model.graph import Graph

from ..utils.machine import ROOT
from .model_files import network

DIGITS = ROOT / "tests/data/digits"


class Images:
    """Batches by network, the same for a network and its dense equivalents."""

    def __init__(self, image: Path | None = None) -> None:
        """``image``: the image to show to models that say how to prepare one; default our digits."""
        self._files = [image] if image else sorted(DIGITS.glob("*.png"))
        self._source = str(image) if image else "digits of tests/data"
        self._batches: dict[tuple[str, int], np.ndarray] = {}

    def source(self, name: str) -> str:
        """Say what a network is shown."""
        return self._source if network(name)[0].preprocessing else "standard normal noise"

    def batch(self, name: str, size: int) -> np.ndarray:
        """Return a batch of that size, float32 (size, H, W, C)."""
        if (name, size) not in self._batches:
            self._batches[name, size] = self._make(network(name)[0], size)
        return self._batches[name, size]

    def _make(self, graph: Graph, size: int) -> np.ndarray:
        from lcnn_engine.images.preprocessing import as_batch

        if graph.preprocessing is None:
            return np.random.default_rng(0).standard_normal((size, *graph.input.shape), dtype=np.float32)
        files = [self._files[number % len(self._files)] for number in range(size)]
        return np.ascontiguousarray(as_batch(files, graph.input.shape, graph.preprocessing)[0], np.float32)
