"""A callback for plain `model.fit`: the density of the lookup layers, epoch by epoch."""

from __future__ import annotations

from typing import Any

import keras

from lcnn_train.layers import sparsity
from lcnn_train.utils.lazy import former_names


class DensityLogger(keras.callbacks.Callback):
    """After each epoch, add to its logs the density of P in every lookup layer and the lookup multiplications.

    The keys are `density_<layer>` and `lookup_multiplications`; callbacks that come later in the list see them, and
    so does the history that `fit` returns. With `verbose`, a line is printed as well.
    """

    def __init__(self, verbose: bool = False):
        super().__init__()
        self.verbose = verbose

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        metrics = density_metrics(self.model)
        if logs is not None:
            logs.update(metrics)
        if self.verbose:
            print(density_line(metrics))


def density_metrics(model: keras.Model) -> dict[str, float]:
    """Measure `density_<layer>` of every lookup layer, and the `lookup_multiplications` of all for one image."""
    found = {layer: sparsity.lookups(layer) for layer in sparsity.lookup_layers(model)}
    metrics: dict[str, float] = {f"density_{layer.name}": sparsity.density(layer, n) for layer, n in found.items()}
    metrics["lookup_multiplications"] = sum(sparsity.lookup_multiplications(layer, n) for layer, n in found.items())
    return metrics


def density_line(metrics: dict[str, Any]) -> str:
    """Write the density of each layer and the lookup multiplications, from an epoch's metrics, on one line."""
    layers = [f"{key.removeprefix('density_')} {metrics[key]:.4f}" for key in metrics if key.startswith("density_")]
    return f"density {'  '.join(layers)}  lookups {metrics['lookup_multiplications'] / 1e6:.2f}M"


former_names(__name__, density_figures="density_metrics")
