"""Real digits, a small network, random sparse P, finite differences, and a watch on entries that are 0."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import ops

from lcnn_train.layers import sparsity

DATA = Path(__file__).parent.parent / "data"
SMALL = DATA / "mnist-small"


def small(**conv):
    """Two convolutions and two dense layers for MNIST's images; `conv` are settings of both convolutions."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(8, 5, strides=2, padding="same", activation="relu", name="conv1", **conv),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Conv2D(12, 3, activation="relu", name="conv2", **conv),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(20, activation="tanh", name="fc1"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(10, activation="softmax", name="fc2"),
        ],
        name="small",
    )


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


def calm_classifier(model, x):
    """Logits of at most one, as of a trained network. Random weights make thousands, of which softmax makes an error
    thousands of times as large."""
    classifier = next(layer for layer in reversed(model.layers) if isinstance(layer, keras.layers.Dense))
    logits = keras.Model(model.input, classifier.output).predict(x, verbose=0)
    classifier.kernel.assign(classifier.kernel / np.abs(logits).max())


def numpy_of(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def some_places(shape, count):
    size = int(np.prod(shape))
    chosen = np.random.default_rng(4).choice(size, min(size, count), replace=False)
    return [np.unravel_index(flat, shape) for flat in chosen]


def slope(loss, variable, where, step=1e-6):
    """Central difference of `loss` in one entry of a variable, which is left as it was."""
    start = numpy_of(variable).copy()
    values = []
    for sign in (1, -1):
        moved = start.copy()
        moved[where] += sign * step
        variable.assign(moved)
        values.append(float(loss()))
    variable.assign(start)
    return (values[0] - values[1]) / (2 * step)


class WatchZeros(keras.callbacks.Callback):
    """After every step: no entry that was once 0 is anything else now."""

    def __init__(self):
        super().__init__()
        self.zero = {}
        self.died_late = 0

    def on_train_batch_end(self, batch, logs=None):
        for layer in self.model.layers:
            if hasattr(layer, "sparse_P"):
                zero = numpy_of(layer.sparse_P()) == 0
                before = self.zero.get(layer.name, np.zeros_like(zero))
                assert not (before & ~zero).any(), f"{(before & ~zero).sum()} entries of {layer.name} came back to life"
                self.died_late += int((zero & ~before).sum()) if layer.name in self.zero else 0
                self.zero[layer.name] = zero
