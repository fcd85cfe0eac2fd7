"""What the tests of export share: inputs, models on them, and a file that is held to its model at every node."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from lcnn_engine import read_model
from lcnn_train import LookupConv2D, export, verify
from lcnn_train.export.converters import translate
from tests.helpers.training import DATA, randomize

PREPROCESSING = {
    "mode": "L",
    "resize": {"policy": "exact", "size": [224, 224], "resample": "bilinear"},
    "scale": 1 / 255,
    "mean": [0.13],
    "std": [1.0],
}
PNGS = sorted((DATA / "digits").glob("*.png"))


def real_input(digits, shape, count=2):
    """Real digits cut or repeated to (count, *shape), float32."""
    image = digits.images[:count].astype(np.float32) / 255 - 0.13
    if shape[:2] == (1, 1):
        return np.resize(image.reshape(count, -1)[:, 300:], (count, *shape))
    height, width, channels = shape
    image = np.stack([np.roll(image, 3 * c, axis=1) for c in range(channels)], axis=-1)
    return np.ascontiguousarray(np.tile(image, (1, 1 + height // 28, 1 + width // 28, 1))[:, :height, :width])


def exported(model, tmp_path, digits, **options):
    """Export, verify at every node on real digits, and read back: (graph, tensors, verification)."""
    randomize(model, 0.3)
    path = tmp_path / "model.safetensors"
    export(model, path, **options)
    verification = verify(model, path, real_input(digits, model.input_shape[1:]))
    graph, tensors = read_model(path)
    held = {node.name for node in translate(model).nodes if node.value >= 0}  # Keras has no others
    assert [n.name for n in verification.nodes] == [n.name for n in graph.nodes if n.name in held]
    assert verification.worst.ratio <= 1e-5
    return graph, tensors, verification


def functional(shape, build):
    """A model on images of `shape`; a shape (C,) stands for an image (1, 1, C) that is flattened first."""
    image = keras.Input(shape if len(shape) != 1 else (1, 1, *shape), name="image")
    return keras.Model(image, build(image if len(shape) != 1 else layers.Flatten(name="vector")(image)), name="small")


def ops_of(graph):
    """The operations by node, without the flatten that `functional` begins with."""
    return {node.name: node.op for node in graph.nodes if node.name != "vector"}


def lookup_layer(alive, shape=(6, 6, 2)):
    """A model of one lookup layer (2 filters, 2x2, k = 4) with the P entries of `alive` {(r, c, d, filter): value}."""
    layer = LookupConv2D(2, 2, 4, threshold=0.01, name="a")
    model = keras.Sequential([keras.Input(shape), layer])
    P = np.zeros(layer.P.shape, np.float32)
    for where, value in alive.items():
        P[where] = value
    layer.P.assign(P)
    return model, layer
