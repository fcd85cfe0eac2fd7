"""Models that are no list of calls from one image to one output: an error that says so."""

import keras
import numpy as np
import pytest
from keras import layers

from lcnn_engine import Net
from lcnn_train import ExportError, export
from tests.helpers.exporting import exported


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


def test_a_pipeline_of_augmentation_goes_too(tmp_path):
    image = keras.Input((8, 8, 3))
    x = layers.Pipeline([layers.RandomFlip(), layers.RandomZoom(0.1)])(image)
    export(keras.Model(image, layers.Conv2D(2, 3)(x)), tmp_path / "m.safetensors")


def test_augmentation_that_changes_the_size_is_refused(tmp_path):
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(2, 3)(layers.RandomCrop(6, 6, name="cut")(image))
    with pytest.raises(ExportError, match=r"layer cut: expected augmentation that keeps .* crop before the model"):
        export(keras.Model(image, x), tmp_path / "m.safetensors")


def test_only_training_that_somebody_asked_for_is_refused_as_such(tmp_path):
    class Noise(layers.Layer):
        def call(self, x, training=True):
            return x

    image = keras.Input((8, 8, 3))
    with pytest.raises(ExportError, match="no operation for Noise"):
        export(keras.Model(image, Noise(name="noise")(image)), tmp_path / "m.safetensors")
    with pytest.raises(ExportError, match="layer drop: called with training=True"):
        export(keras.Model(image, layers.Dropout(0.5, name="drop")(image, training=True)), tmp_path / "m.safetensors")


def any_size(name):
    """A network that takes images of any size, as one without its classifier does."""
    image = keras.Input((None, None, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, 2, padding="same", name="first")(image))
    branch = layers.Conv2D(4, 1, activation="relu6")(layers.ZeroPadding2D(1)(x))
    x = layers.Concatenate()([layers.MaxPooling2D(3, 1)(branch), keras.activations.relu(x) * 0.5])
    return keras.Model(image, layers.AveragePooling2D(2, padding="same")(x), name=name)


@pytest.mark.parametrize("kind", ["functional", "sequential", "twice inside"])
def test_a_model_of_any_size_takes_its_sizes_from_the_call(kind, tmp_path, digits):
    base = any_size("base")
    image = keras.Input((14, 19, 3))
    if kind == "sequential":
        model = keras.Sequential([image, base, layers.GlobalAveragePooling2D(), layers.Dense(3)])
    else:
        inner = base if kind == "functional" else keras.Sequential([keras.Input((None, None, 3)), base])
        model = keras.Model(image, layers.Dense(3)(layers.Flatten()(inner(image, training=False))))
    graph, _, _ = exported(model, tmp_path, digits)
    assert graph[graph.output].op == "dense"


def test_a_model_of_any_size_on_two_sizes(tmp_path, digits):
    base = any_size("base")
    image = keras.Input((12, 12, 3))
    large = layers.GlobalMaxPooling2D()(base(image))
    small = layers.GlobalMaxPooling2D()(base(layers.MaxPooling2D(2)(image)))
    exported(keras.Model(image, layers.Concatenate()([large, small])), tmp_path, digits)


@pytest.mark.parametrize("kind", ["functional", "sequential"])
def test_transfer_learning(kind, tmp_path, digits):
    base = keras.applications.MobileNetV2(include_top=False, weights=None, alpha=0.35)
    image = keras.Input((96, 96, 3))
    if kind == "functional":
        model = keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(base(image, training=False))))
    else:
        model = keras.Sequential([image, base, layers.GlobalAveragePooling2D(), layers.Dense(3)])
    path = tmp_path / "m.safetensors"
    export(model, path)
    x = np.random.default_rng(0).random((2, 96, 96, 3), np.float32)
    mine = Net.load(path).run(x)
    np.testing.assert_allclose(mine, model.predict(x, verbose=0), atol=1e-5 * np.abs(mine).max())


def test_a_model_of_any_size_alone_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(ExportError, match=r"sizes that are fixed.* keras.Model\(image, model\(image\)\)"):
        export(any_size("base"), tmp_path / "m.safetensors")
