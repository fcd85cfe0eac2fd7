"""Real digits, and networks whose P is sparse at random."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from lcnn_train import sparsity

DATA = Path(__file__).parent.parent / "data"
SMALL = DATA / "mnist-small"


def randomize(model: keras.Model, density: float, seed: int = 0) -> None:
    """Give every lookup layer survivors at random places, and every batch norm statistics that are not 0 and 1."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if hasattr(layer, "surviving"):
            shape = tuple(layer.P.shape)
            layer.P.assign(rng.uniform(-1, 1, shape).astype(np.float32) * sparsity.sigma(shape))
            layer.alive.assign(rng.random(shape) < density)
        if isinstance(layer, keras.layers.BatchNormalization):
            channels = layer.moving_mean.shape
            layer.moving_mean.assign(rng.normal(0, 0.05, channels))
            layer.moving_variance.assign(rng.uniform(0.01, 0.05, channels))
            if layer.scale:
                layer.gamma.assign(rng.uniform(0.5, 1.5, channels))
            if layer.center:
                layer.beta.assign(rng.normal(0, 0.2, channels))
