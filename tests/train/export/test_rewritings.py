"""What is written as other operations: the same numbers in the engine as in Keras, or a refusal with the remedy."""

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from keras.src.applications.convnext import LayerScale, StochasticDepth
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

from lcnn_engine import Net
from lcnn_train import ExportError, LookupConv2D, export
from tests.helpers.exporting import exported, functional

MAP = np.random.default_rng(1).standard_normal((6, 5, 4)).astype(np.float32)

COMPOSED = {
    "relu with a ceiling": lambda x: layers.ReLU(max_value=1)(x),
    "relu with a threshold": lambda x: layers.ReLU(threshold=0.1)(x),
    "relu with all": lambda x: layers.ReLU(max_value=0.5, threshold=0.1, negative_slope=0.2)(x),
    "relu of 6 that leaks": lambda x: layers.ReLU(max_value=6, negative_slope=0.2)(x),
    "relu called with a ceiling": lambda x: keras.activations.relu(x, max_value=0.3),
    "unit norm": lambda x: layers.UnitNormalization()(x),
    "unit norm of a vector": lambda x: layers.UnitNormalization()(layers.Flatten()(x)),
    "normalized, a vector": lambda x: ops.normalize(layers.Flatten()(x), axis=1),
    "rms norm": lambda x: layers.RMSNormalization()(x),
    "rms norm of a vector": lambda x: layers.RMSNormalization()(layers.Flatten()(x)),
    "norm over rows and columns": lambda x: layers.LayerNormalization(axis=(1, 2))(x),
    "norm by hand": lambda x: (x - ops.mean(x, -1, keepdims=True)) / ops.sqrt(ops.var(x, -1, keepdims=True) + 1e-3),
    "instance norm by hand": lambda x: (
        (x - ops.mean(x, (1, 2), keepdims=True)) / ops.sqrt(ops.var(x, (1, 2), keepdims=True) + 1e-3)
    ),
    "pools called": lambda x: ops.max_pool(x, 2) + ops.average_pool(x, 2, padding="same")[:, :3, :2],
    "a cast to floats": lambda x: ops.cast(x, "float32") / 255,
    "celu": lambda x: ops.celu(x, 0.7),
    "soft shrink": lambda x: ops.soft_shrink(x, 0.2),
    "sparse sigmoid": ops.sparse_sigmoid,
    "squareplus": ops.squareplus,
    "tanh shrink": ops.tanh_shrink,
    "log sigmoid": ops.log_sigmoid,
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


FUNCTIONS = {
    "relu with a ceiling": lambda: layers.ReLU(max_value=0.4),
    "prelu": lambda: layers.PReLU(shared_axes=(1, 2), alpha_initializer="random_normal"),
    "arithmetic": lambda: lambda t: t * ops.sigmoid(1.7 * t),
    "partial": lambda: partial(keras.activations.leaky_relu, negative_slope=0.1),
    "called of 6": lambda: lambda t: ops.relu6(t + 3) / 6,
    "by name": lambda: "celu",
}
LAYERS = {
    "conv": lambda x, f: layers.Conv2D(4, 3, activation=f, name="a")(x),
    "dense": lambda x, f: layers.Dense(4, activation=f, name="a")(layers.Flatten()(x)),
    "depthwise": lambda x, f: layers.DepthwiseConv2D(3, activation=f, name="a")(x),
    "separable": lambda x, f: layers.SeparableConv2D(4, 3, activation=f, name="a")(x),
    "transposed": lambda x, f: layers.Conv2DTranspose(4, 3, 2, activation=f, name="a")(x),
    "lookups": lambda x, f: LookupConv2D(4, 3, 3, activation=f, name="a")(x),
    "alone": lambda x, f: layers.Activation(f, name="a")(x),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_what_is_made_of_several_operations(name, tmp_path, digits):
    model = functional((6, 5, 4), COMPOSED[name])
    exported(model, tmp_path, digits)
    x = np.random.default_rng(0).standard_normal((3, 6, 5, 4)).astype(np.float32)
    wanted = np.asarray(model(x))
    assert np.abs(Net.load(tmp_path / "model.safetensors").run(x) - wanted).max() <= 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_activation_without_a_name(function, tmp_path, digits):
    """Inside of any layer, and as a layer: what it makes of tensors."""
    for kind, build in LAYERS.items():
        if (function, kind) in (("prelu", "dense"), ("prelu", "alone")):  # of an image, and never an Activation
            continue
        model = functional((6, 5, 4), lambda x, build=build: build(x, FUNCTIONS[function]()))
        graph, _, _ = exported(model, tmp_path, digits)
        assert graph.nodes[-1].name == "a", kind
        x = np.random.default_rng(0).standard_normal((3, 6, 5, 4)).astype(np.float32)
        wanted = np.asarray(model(x))
        found = Net.load(tmp_path / "model.safetensors").run(x)
        assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max(), kind


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
    "norm over rows": (lambda x: layers.LayerNormalization(axis=1)(x), "over the last axis, over rows and columns or"),
    "power": (lambda x: ops.exp(x) ** 1.7, r"power of 0.5, 2, 3 or 4, found 1.7; write others as"),
    "lambda of TensorFlow": (lambda x: layers.Lambda(lambda t: tf.math.cumsum(t, 1))(x), "write its function"),
    "two that have to be repeated": (
        lambda x: ops.mean(x, -1, keepdims=True) * ops.mean(x, (1, 2), keepdims=True), "with the full one in turn"),
    "mean over rows": (lambda x: ops.mean(x, 1, keepdims=True), "a mean over rows and columns, axes 1 and 2, or over"),
    "TensorFlow's functions inside": (
        lambda x: layers.Conv2D(2, 1, activation=lambda t: tf.cumsum(t, 1))(x), "no activation <lambda>.* keras.ops"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_file_cannot_say_is_refused_with_the_remedy(name, tmp_path):
    build, message = REFUSED[name]
    with pytest.raises(ExportError, match=message):
        export(functional((6, 5, 4), build), tmp_path / "model.safetensors")
