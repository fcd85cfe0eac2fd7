"""Layers that are made of others: those of Keras that export rewrites, and a user's own, by `register`."""

import keras
import numpy as np
import pytest
from keras import layers

import lcnn_train
from lcnn_train import ExportError, export
from lcnn_train.export import register
from tests.helpers.exporting import exported, functional, ops_of


class Scale(layers.Layer):
    """x + y * gamma, gamma one a channel."""

    def build(self, shapes):
        self.gamma = self.add_weight(shape=shapes[0][-1:], initializer="random_normal")

    def call(self, inputs):
        return inputs[0] + inputs[1] * self.gamma


class Wrong(layers.Layer):
    def call(self, x):
        return x * 2


def test_a_layer_of_ones_own(tmp_path, digits):
    @lcnn_train.export.register(Scale)
    def _(layer, x, y):
        return x + y * layer.gamma

    def build(x):
        return Scale(name="scale")([x, layers.Conv2D(2, 3, padding="same", name="a")(x)])

    assert lcnn_train.export.register is register
    model = functional((8, 8, 2), build)
    graph, _, _ = exported(model, tmp_path, digits)
    assert ops_of(graph) == {"a": "conv2d", "scale_part1": "batch_norm", "scale": "add"}
    export(model, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "model.safetensors").read_bytes()


def test_a_translation_that_gives_other_values_is_refused(tmp_path):
    register(Wrong)(lambda layer, x: x * 3)
    with pytest.raises(ExportError, match="layer wrong: expected its translation to give what Wrong gives"):
        export(functional((8, 8, 2), lambda x: Wrong(name="wrong")(x)), tmp_path / "m.safetensors")


def test_only_classes_of_layers_are_registered():
    with pytest.raises(TypeError, match="expected a class of Keras layers, found 3"):
        register(3)


def gate(x):
    x = layers.Dense(2, "sigmoid")(layers.Dense(1, "relu")(layers.GlobalAveragePooling2D()(x)))
    return layers.Reshape((1, 1, 2))(x)


COMPOSED = {
    "subtract": lambda x: layers.Subtract(name="a")([x, layers.ReLU()(x)]),
    "average": lambda x: layers.Average(name="a")([x, layers.ReLU()(x), x * 3]),
    "mean": lambda x: keras.ops.mean(x, (1, 2)),
    "mean by negative axes, kept": lambda x: keras.ops.mean(x, [-3, -2], keepdims=True),
    "concatenate": lambda x: keras.ops.concatenate([x, layers.ReLU()(x)], axis=-1),
    "one constant a channel": lambda x: keras.ops.subtract(np.float32([3, 2]), x) / np.float32([0.5, 4]),
    "squeeze and excite": lambda x: layers.Multiply(name="b")([x, gate(x)]),
    "squeeze and excite, a product": lambda x: gate(x) * x,
    "a scaled residual": lambda x: x + 0.17 * layers.Conv2D(2, 3, padding="same")(x),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_compositions(name, tmp_path, digits):
    exported(functional((8, 8, 2), COMPOSED[name]), tmp_path, digits)
