"""Copies of layers: their functions, too."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from lcnn_train.keras_graph.copying import copied


@pytest.mark.parametrize("function", [tf.nn.silu, tf.nn.softmax, keras.ops.hard_silu, keras.layers.LeakyReLU(0.1)])
def test_a_copy_has_the_activation_itself(function):
    """Keras writes tf.nn.silu as swish and tf.nn.softmax as softmax_v2, and knows neither when it reads them."""
    x = np.linspace(-4, 4, 12, dtype=np.float32).reshape(2, 6)
    for layer in (layers.Dense(6, activation=function, kernel_initializer="identity"), layers.Activation(function)):
        assert np.array_equal(copied(layer)(x), layer(x))
    assert copied(layers.Activation(function), dtype="float64").compute_dtype == "float64"
