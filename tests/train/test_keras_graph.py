"""Models that are no list of calls from one image to one output: an error that says so."""

import keras
import pytest
from keras import layers

from lcnn_train import ExportError, export


def test_two_inputs_or_outputs_are_refused(tmp_path):
    a, b = keras.Input((1, 1, 4)), keras.Input((1, 1, 4))
    with pytest.raises(ExportError, match=r"expected one input and one output, found 2 .*and 1"):
        export(keras.Model([a, b], layers.Add()([a, b])), tmp_path / "m.safetensors")
    with pytest.raises(ExportError, match=r"expected one input and one output, found 1 and 2 \(.*, .*\); keras.Model"):
        export(keras.Model(a, [layers.Dense(2)(a), layers.Dense(2)(a)]), tmp_path / "m.safetensors")


def test_a_model_on_vectors_is_refused(tmp_path):
    image = keras.Input((4,), name="numbers")
    with pytest.raises(ExportError, match=r"input numbers: expected an image .* found shape \(4,\)"):
        export(keras.Model(image, layers.Dense(2)(image)), tmp_path / "m.safetensors")


def test_a_subclassed_model_is_refused(tmp_path):
    class Mine(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ExportError, match=r"expected a functional model.*found Mine"):
        export(Mine(name="mine"), tmp_path / "m.safetensors")
