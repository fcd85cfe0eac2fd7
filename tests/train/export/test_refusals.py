"""What a model file cannot hold: an error that names the layer, and no file."""

import keras
import pytest
from keras import layers

from lcnn_engine import ModelFormatError
from lcnn_train import ExportError, export
from tests.helpers.exporting import PREPROCESSING, functional, lookup_layer


class _Doubling(layers.Conv2D):
    def call(self, inputs):
        return 2 * super().call(inputs)


REFUSED = {
    "an unknown layer": (
        (8, 8, 2),
        lambda x: layers.UpSampling2D(name="a")(x),
        "layer a: .*UpSampling2D. Supported: Act",
    ),
    "a subclass": ((8, 8, 2), lambda x: _Doubling(2, 3, name="a")(x), "layer a: .*_Doubling"),
    "a lambda": ((8,), lambda x: layers.Lambda(lambda v: v + 1, name="a")(x), "layer a: .*Lambda"),
    "a difference of tensors": ((8,), lambda x: x - layers.Dense(8)(x), "expected x . y .* found Subtract of 2 tens"),
    "a number divided by a tensor": ((8,), lambda x: 1 / x, "found TrueDivide of 1 tensors"),
    "another operation": ((8,), lambda x: keras.ops.exp(x), "no operation for Exp"),
    "an activation": (
        (8,),
        lambda x: layers.Dense(3, "gelu", name="a")(x),
        "layer a: .*activation gelu. Supported: lin",
    ),
    "an activation layer": ((8,), lambda x: layers.Activation("elu", name="a")(x), "layer a: .*activation elu"),
    "a capped relu": ((8,), lambda x: layers.ReLU(4, name="a")(x), "layer a: .*max_value=4"),
    "a relu with a threshold": ((8,), lambda x: layers.ReLU(threshold=1, name="a")(x), "layer a: .*threshold=1"),
    "softmax over rows": ((8, 8, 2), lambda x: layers.Softmax(1, name="a")(x), "layer a: .*last axis, found 1"),
    "norm over rows": ((8, 8, 2), lambda x: layers.BatchNormalization(1, name="a")(x), "layer a: .*found axis 1"),
    "a join of rows": ((8, 8, 2), lambda x: layers.Concatenate(1, name="a")([x, x]), "layer a: .*found axis 1"),
    "a reshape to an image": ((8,), lambda x: layers.Reshape((2, 2, 2), name="a")(x), "layer a: .*into \\(2, 2, 2\\)"),
    "a row repeated": (
        (8, 8, 2),
        lambda x: layers.Add(name="a")([x, layers.MaxPooling2D((1, 8))(x)]),
        r"layer a: expected inputs of shape \(8, 8, 2\).*found \(8, 1, 2\)",
    ),
    "training": (
        (8,),
        lambda x: layers.Dropout(0.5, name="a")(x, training=True),
        "layer a: called with training=True",
    ),
    "channels first": (
        (2, 8, 8),
        lambda x: layers.GlobalAveragePooling2D(data_format="channels_first", name="a")(x),
        'layer a: expected data_format="channels_last"',
    ),
    "a size that is not fixed": (
        (None, 8, 2),
        lambda x: layers.GlobalAveragePooling2D(name="a")(x),
        r"input image: expected sizes that are fixed, found shape \(None, None, 8, 2\)",
    ),
    "nothing to compute": ((8, 8, 2), lambda x: layers.Dropout(0.5)(x), "at least one layer that computes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_file_cannot_hold_is_refused(name, tmp_path):
    shape, build, message = REFUSED[name]
    with pytest.raises(ExportError, match=message):
        export(functional(shape, build), tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


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


def test_labels_and_preprocessing_that_do_not_fit_leave_nothing(tmp_path):
    model, _ = lookup_layer({(0, 0, 0, 0): 1.0})
    model = keras.Sequential([keras.Input((6, 6, 2)), *model.layers, layers.Flatten(), layers.Dense(3)])
    with pytest.raises(ModelFormatError, match="labels"):
        export(model, tmp_path / "m.safetensors", labels=["a", "b"])
    with pytest.raises(ModelFormatError, match=r"mode|mean|channel"):
        export(model, tmp_path / "m.safetensors", preprocessing=PREPROCESSING)
    assert not list(tmp_path.iterdir())
