"""verify notices what differs between a model file and its Keras model."""

import keras
import pytest
from keras import layers

from lcnn_train import ExportError, LookupConv2D, export, verify
from tests.helpers.exporting import functional, real_input
from tests.helpers.training import randomize


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_verify_notices_another_models_file(dtype, tmp_path, digits):
    model = keras.Sequential([keras.Input((8, 8, 1)), LookupConv2D(4, 3, 3, name="a"), layers.Flatten()])
    randomize(model, 0.5)
    path = tmp_path / "m.safetensors"
    export(model, path, dtype=dtype)
    verify(model, path, real_input(digits, (8, 8, 1)))
    P = keras.ops.convert_to_numpy(model.layers[0].P)
    model.layers[0].P.assign(P * 1.01)
    with pytest.raises(ExportError, match=r"a/coefficients is not what this model holds"):
        verify(model, path, real_input(digits, (8, 8, 1)))


def test_verify_notices_a_difference(tmp_path, digits):
    """The same tensors, another activation: only the numbers tell."""
    plain = functional((8, 8, 1), lambda x: layers.Conv2D(4, 3, name="a")(x))
    export(plain, tmp_path / "m.safetensors")
    other = functional((8, 8, 1), lambda x: layers.Conv2D(4, 3, activation="tanh", name="a")(x))
    other.set_weights(plain.get_weights())
    with pytest.raises(ExportError, match=r"expected engine and Keras within 1e-05.* at a"):
        verify(other, tmp_path / "m.safetensors", real_input(digits, (8, 8, 1)))
