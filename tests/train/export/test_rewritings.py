"""What is written as other operations: the same numbers in the engine as in Keras, or a refusal with the remedy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from keras.src.applications.convnext import LayerScale, StochasticDepth
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

from lcnn_engine import Net
from lcnn_train import ExportError, export
from tests.helpers.exporting import exported, functional

MAP = np.random.default_rng(1).standard_normal((6, 5, 4)).astype(np.float32)

COMPOSED = {
    "relu with a ceiling": lambda x: layers.ReLU(max_value=1)(x),
    "relu with a threshold": lambda x: layers.ReLU(threshold=0.1)(x),
    "relu with all": lambda x: layers.ReLU(max_value=0.5, threshold=0.1, negative_slope=0.2)(x),
    "relu of 6 that leaks": lambda x: layers.ReLU(max_value=6, negative_slope=0.2)(x),
    "relu called with a ceiling": lambda x: keras.activations.relu(x, max_value=0.3),
    "unit norm": lambda x: layers.UnitNormalization()(x),
    "rms norm": lambda x: layers.RMSNormalization()(x),
    "maximum": lambda x: layers.Maximum()([x, layers.Conv2D(4, 1)(x)]),
    "minimum": lambda x: layers.Minimum()([x, layers.Conv2D(4, 1)(x), layers.Conv2D(4, 1)(x)]),
    "subtract": lambda x: layers.Subtract()([x, layers.Conv2D(4, 1)(x)]),
    "average": lambda x: layers.Average()([x, layers.Conv2D(4, 1)(x)]),
    "divided by a map": lambda x: x / (ops.exp(x) + 1.0),
    "one over a map": lambda x: 1.0 / ops.exp(x),
    "a map less than a number": lambda x: ops.minimum(ops.maximum(x, -0.1), 0.4),
    "clip": lambda x: ops.clip(x, -0.1, 0.4),
    "a map and a map that is held": lambda x: (x + MAP) * MAP / (2.0 + MAP) - MAP,
    "a map that is held, first": lambda x: ops.maximum(MAP, x) + ops.divide(MAP, ops.exp(x)),
    "a plane that is held": lambda x: x * MAP[..., :1] + MAP[:1, :1],
    "roots and powers": lambda x: (
        ops.sqrt(ops.abs(x)) + x**3 + ops.exp(x) ** 0.5 + ops.square(x) + ops.rsqrt(ops.exp(x))
    ),
    "attention over channels": lambda x: (
        x * ops.sigmoid(ops.mean(x, (1, 2), keepdims=True) + ops.max(x, axis=(1, 2), keepdims=True))
    ),
    "attention over pixels": lambda x: (
        x
        * layers.Conv2D(1, 3, padding="same", activation="sigmoid")(
            ops.concatenate([ops.mean(x, axis=-1, keepdims=True), ops.max(x, axis=-1, keepdims=True)], axis=-1)
        )
    ),
    "sums": lambda x: x + ops.sum(x, -1, keepdims=True) - ops.min(x, -1, keepdims=True),
    "sums over an image": lambda x: x - ops.sum(x, (1, 2), keepdims=True) * 0.1,
    "lambda": lambda x: layers.Lambda(lambda t: ops.relu(t) / 255 - 0.1)(x),
    "layer scale": lambda x: LayerScale(0.1, 4)(x),
    "a residual, scaled": lambda x: CustomScaleLayer(0.17)([x, layers.Conv2D(4, 1)(x)]),
    "stochastic depth": lambda x: x + StochasticDepth(0.3)(layers.Conv2D(4, 1)(x)),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_what_is_made_of_several_operations(name, tmp_path, digits):
    model = functional((6, 5, 4), COMPOSED[name])
    exported(model, tmp_path, digits)
    x = np.random.default_rng(0).standard_normal((3, 6, 5, 4)).astype(np.float32)
    wanted = np.asarray(model(x))
    assert np.abs(Net.load(tmp_path / "model.safetensors").run(x) - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_a_threshold_itself_is_below_it(tmp_path, digits):
    """Keras keeps what is above a threshold, and not what is equal to it."""
    model = functional((1, 3, 1), lambda x: layers.ReLU(threshold=0.5)(x))
    exported(model, tmp_path, digits)
    x = np.array([np.nextafter(0.5, 0), 0.5, np.nextafter(np.float32(0.5), np.float32(1))], np.float32).reshape(
        1, 1, 3, 1
    )
    found = Net.load(tmp_path / "model.safetensors").run(x)
    np.testing.assert_array_equal(found, np.asarray(model(x)))


REFUSED = {
    "norm over rows": (lambda x: layers.LayerNormalization(axis=(1, 2))(x), "over the last axis or over a whole"),
    "power": (lambda x: ops.exp(x) ** 1.7, r"power of 0.5, 2, 3 or 4, found 1.7; write others as"),
    "lambda of TensorFlow": (lambda x: layers.Lambda(lambda t: tf.math.cumsum(t, 1))(x), "write its function"),
    "two that have to be repeated": (
        lambda x: ops.mean(x, -1, keepdims=True) * ops.mean(x, (1, 2), keepdims=True), "with the full one in turn"),
    "mean over rows": (lambda x: ops.mean(x, 1, keepdims=True), "a mean over rows and columns, axes 1 and 2, or over"),
    "relu inside with a ceiling": (
        lambda x: layers.Conv2D(2, 1, activation=layers.ReLU(max_value=1))(x), "make it a layer of its own"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_file_cannot_say_is_refused_with_the_remedy(name, tmp_path):
    build, message = REFUSED[name]
    with pytest.raises(ExportError, match=message):
        export(functional((6, 5, 4), build), tmp_path / "model.safetensors")
