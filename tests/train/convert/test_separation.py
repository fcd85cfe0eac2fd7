"""Separable convolutions in lookup_model: the pointwise half becomes lookups, the depthwise one a layer of its own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from lcnn_engine import read_model
from lcnn_train import LookupConv2D, export, lookup_model, verify
from tests.helpers.converting import change, images, rows
from tests.helpers.training import numpy_of


def functional():
    """Separable convolutions with strides, several filters a channel and functions, in a model inside, and shared."""
    image = keras.Input((20, 20, 3))
    x = layers.SeparableConv2D(8, 3, 2, "same", depth_multiplier=2, activation=tf.nn.silu, name="first")(image)
    shared = layers.SeparableConv2D(8, (3, 2), padding="same", use_bias=False, name="shared")
    inside = keras.Sequential(
        [keras.Input((10, 10, 8)), layers.SeparableConv2D(8, 3, padding="same", dilation_rate=2, name="inside")]
    )
    x = layers.Add()([inside(x), shared(x), shared(inside(x)) * 0.5])
    x = layers.SeparableConv2D(6, 3, activation=layers.LeakyReLU(0.1), name="last")(layers.BatchNormalization()(x))
    return randomized(keras.Model(image, layers.Dense(4, "softmax")(layers.Flatten()(x))))


def sequential():
    parts = [layers.SeparableConv2D(8, 3, name="a"), layers.SeparableConv2D(8, 3, activation="relu", name="b")]
    return randomized(keras.Sequential([keras.Input((20, 20, 3)), *parts, layers.Flatten(), layers.Dense(3)]))


def randomized(model):
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, 0.3, variable.shape))
    return model


SEPARABLE = {functional: ("first", "shared", "inside", "last"), sequential: ("a", "b")}


def layers_of(model):
    return {layer.name: layer for layer in model._flatten_layers() if not isinstance(layer, keras.Model)}


@pytest.mark.parametrize("build", SEPARABLE)
def test_as_many_atoms_as_channels_change_nothing(build, digits):
    model, names = build(), SEPARABLE[build]
    before = layers_of(model)
    lookups = lookup_model(model, lambda layer: min(layer.kernel.shape[-2:]) - 1 + (layer.kernel.shape[-2] < 8))
    after, report = layers_of(lookups), rows(lookups)
    for name in names:
        assert type(before[name]) is layers.SeparableConv2D
        assert type(after[name]) is LookupConv2D
        kernel = numpy_of(after[f"{name}_depthwise"].kernel)
        np.testing.assert_array_equal(kernel, numpy_of(before[name].depthwise_kernel))
        assert report[f"{name}_depthwise"].why == f"the depthwise half of {name}"
        assert report[name].why == "the pointwise half of a separable convolution"
    exact = lookup_model(model, None, threshold=0)
    assert change(model, exact, images(digits, (20, 20, 3))) <= 1e-4


@pytest.mark.parametrize("build", SEPARABLE)
def test_it_is_exported_and_saved(build, digits, tmp_path):
    lookups, path = lookup_model(build(), 3, lookups_per_tap=2, threshold=0), tmp_path / "m.safetensors"
    x = images(digits, (20, 20, 3))
    export(lookups, path)
    verify(lookups, path, x)
    ops = {node.name: node.op for node in read_model(path)[0].nodes}
    for name in SEPARABLE[build]:
        assert (ops[name], ops[f"{name}_depthwise"]) == ("lookup_conv2d", "conv2d")
    lookups.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", custom_objects={"swish": tf.nn.silu})  # its name in files
    np.testing.assert_array_equal(again.predict(x, verbose=0), lookups.predict(x, verbose=0))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"dictionary": 2, "skip": "a"}, "named in skip"),
        ({"dictionary": 2, "skip": lambda layer: layer.name == "a"}, "skip says so"),
        ({"dictionary": {"b": 2}}, "not in `dictionary`"),
        ({"dictionary": lambda layer: "dense" if layer.name == "a" else 2}, "`dictionary` says so"),
        ({"dictionary": {"a": 8, "b": 2}}, "k = 8 is not below n*kh*kw = 8: a dictionary saves nothing"),
    ],
)
def test_one_that_is_left_stays_a_layer(arguments, why, digits):
    model = sequential()
    lookups = lookup_model(model, **arguments)
    assert type(lookups.get_layer("a")) is layers.SeparableConv2D
    assert type(lookups.get_layer("b")) is LookupConv2D
    assert rows(lookups)["a"].why == why
    assert [layer.name for layer in lookups.layers[:3]] == ["a", "b_depthwise", "b"]


def test_with_samples_and_a_budget(digits):
    """The pointwise half is fitted to what it gives for samples, and counted as what it costs alone."""
    model, x = sequential(), images(digits, (20, 20, 3))
    lookups = lookup_model(model, samples=x, budget=0.5)
    kept = sum(rows(lookups)[name].lookups for name in "ab")
    assert 0 < kept < 3 * 8 + 8 * 8
    assert all(rows(lookups)[name].output_error is not None for name in "ab")
    assert lookup_model(model, None, samples=x, error=0.05).count_params() > 0
    assert rows(lookup_model(model, None, samples=x, error=0.05))["b"].output_error <= 0.06


def test_what_surrounds_it_is_kept():
    layer = layers.SeparableConv2D(
        4, 3, depthwise_regularizer="l1", pointwise_regularizer="l2", bias_regularizer="l2", activity_regularizer="l1",
        trainable=False, name="a",
    )  # fmt: skip
    image = keras.Input((8, 8, 3))
    x = layers.ReLU(name="a_depthwise")(layer(image))
    lookups = lookup_model(keras.Model(image, x), 2)
    new, depthwise = lookups.get_layer("a"), lookups.get_layer("a_depthwise_")
    assert isinstance(depthwise.depthwise_regularizer, keras.regularizers.L1)
    assert isinstance(new.bias_regularizer, keras.regularizers.L2)
    assert isinstance(new.activity_regularizer, keras.regularizers.L1)
    assert not new.trainable
    assert not depthwise.trainable
    assert "kernel_regularizer is not carried over" in rows(lookups)["a"].why


def test_the_model_itself_stays_as_it_was(digits):
    model, x = functional(), images(digits, (20, 20, 3))
    model.compile("sgd", loss=lambda true, found: keras.ops.sum(found))
    before = model.predict(x, verbose=0)
    lookups = lookup_model(model, 2)
    assert model.compiled
    assert not lookups.compiled
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)
    assert type(model.get_layer("first")) is layers.SeparableConv2D
