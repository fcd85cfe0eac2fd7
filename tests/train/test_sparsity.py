"""The counting rule, held to the published figures."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from training_helpers import randomize

from lcnn_train import LookupConv2D, sparsity
from lcnn_train.models import alexnet

# Densities of P that tf-lcnn published for MNIST, conv1 .. conv5, fc6, fc7.
FAST_MNIST = (0.083, 0.034, 0.008, 0.013, 0.027, 0.001, 0.002)


def test_dense_twin_is_714_million():
    counts = sparsity.count(alexnet("dense"))
    assert [c.name for c in counts] == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    assert sum(c.total for c in counts) / 1e6 == pytest.approx(714.19, abs=0.005)


def test_wide_dense_alexnet_is_1135_million():
    """The paper's own dense AlexNet: 96, 256, 384, 384, 256 filters, not grouped."""
    image = x = keras.Input((224, 224, 3))
    x = layers.Conv2D(96, 11, 4)(layers.ZeroPadding2D(2)(x))
    x = layers.MaxPooling2D(3, 2)(x)
    x = layers.Conv2D(256, 5, padding="same")(x)
    x = layers.MaxPooling2D(3, 2)(x)
    for filters in (384, 384, 256):
        x = layers.Conv2D(filters, 3, padding="same")(x)
    x = layers.Flatten()(layers.MaxPooling2D(3, 2)(x))
    x = layers.Dense(1000)(layers.Dense(4096)(layers.Dense(4096)(x)))
    assert sum(c.total for c in sparsity.count(keras.Model(image, x))) / 1e6 == pytest.approx(1135.26, abs=0.005)


def test_fast_is_29_million_of_which_10_lookups():
    model = alexnet("fast")
    names = [layer.name for layer in sparsity.lookup_layers(model)]
    assert names == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]
    counts = []
    for layer, density in zip(sparsity.lookup_layers(model), FAST_MNIST, strict=True):
        counts.append(sparsity.count_lookups(layer, round(density * np.prod(layer.P.shape))))
    counts.append(sparsity.count_layer(model.get_layer("fc8")))
    assert sum(c.lookup for c in counts[:-1]) / 1e6 == pytest.approx(10.09, abs=0.005)
    assert sum(c.total for c in counts) / 1e6 == pytest.approx(28.93, abs=0.005)


def test_density_and_lookups_count_what_the_layer_computes_with():
    layer = LookupConv2D(6, 3, 4, threshold=0.3)
    model = keras.Sequential([keras.Input((8, 8, 2)), layer])
    randomize(model, 0.5)
    used = np.count_nonzero(ops.convert_to_numpy(layer.sparse_P()))
    assert 0 < used < 3 * 3 * 4 * 6
    assert sparsity.lookups(layer) == used
    assert sparsity.density(layer) == used / (3 * 3 * 4 * 6)
    counted = (sparsity.count_lookups(layer).lookup for layer in sparsity.lookup_layers(model))
    assert sum(counted) == used * 6 * 6


def test_depthwise_and_grouped_convolutions():
    image = keras.Input((8, 8, 4))
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(image)
    x = layers.Conv2D(6, 3, groups=2, name="grouped")(x)
    found = {c.name: c.total for c in sparsity.count(keras.Model(image, x))}
    assert found == {"depthwise": 6 * 6 * 8 * 9, "grouped": 4 * 4 * 6 * 9 * 4}
