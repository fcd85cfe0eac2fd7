"""Calls that are run one by one give what the model gives."""

import keras
import numpy as np
import pytest
from keras import layers

from lcnn_train import keras_graph
from lcnn_train.keras_graph.running import run_all, run_from
from lcnn_train.keras_graph.tracing import trace


def traced():
    image = keras.Input((9, 8, 3))
    x = layers.SeparableConv2D(4, 3, activation="softmax")(image)
    x = layers.Average()([x, layers.Conv2D(4, 3, activation=lambda x: keras.ops.tanh(x) * 2 + 1)(image)])
    model = keras.Model(image, 1 / (1 + keras.ops.split(x, 2, axis=-1)[1] ** 2))
    return model, trace(model), np.random.default_rng(0).random((2, 9, 8, 3), np.float32)


def test_all_calls_together_are_the_model():
    model, calls, x = traced()
    values = run_all(calls, x)
    assert set(values) >= {calls.input, calls.output, *(number for call in calls.calls for number in call.inputs)}
    np.testing.assert_allclose(values[calls.output], model.predict(x, verbose=0), rtol=1e-5)


def test_a_value_from_those_that_are_known():
    model, calls, x = traced()
    middle = next(call.output for call in calls.calls if call.part == "depthwise")
    known = {calls.input: x, middle: np.zeros((2, 7, 6, 3), np.float32)}
    changed = run_from(calls, known, calls.output)
    assert np.abs(changed - model.predict(x, verbose=0)).max() > 0.01
    np.testing.assert_array_equal(run_from(calls, known, middle), run_all(calls, x)[middle])


def test_the_name_of_before():
    with pytest.warns(DeprecationWarning, match=r"keras_graph.run is called run_all now"):
        assert keras_graph.run is run_all
