"""What does nothing outside of training: all of Keras' augmentation."""

import keras
import numpy as np
import pytest
from keras import layers

from lcnn_train import export
from lcnn_train.keras_graph.kinds import AUGMENTATION


def made(cls):
    """An augmentation layer of this class, for images of 8x8."""
    factors = "Brightness ColorDegeneration Contrast Hue Rotation Saturation Sharpness"
    arguments: dict = {f"Random{name}": {"factor": 0.5} for name in factors.split()}
    arguments |= {
        "RandomCrop": {"height": 8, "width": 8},
        "RandomPosterization": {"factor": 4},
        "RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1},
        "RandomZoom": {"height_factor": 0.1},
    }
    return cls(**arguments.get(cls.__name__, {}))


@pytest.mark.parametrize("cls", AUGMENTATION, ids=lambda cls: cls.__name__)
def test_augmentation_does_nothing_outside_of_training(cls, tmp_path):
    x = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(made(cls)(x, training=False)), x)
    image = keras.Input((8, 8, 3))
    export(keras.Model(image, layers.Conv2D(2, 3)(made(cls)(image))), tmp_path / "m.safetensors")


def test_every_augmentation_of_keras_is_known():
    """Those left are the layers that work on images outside of training too."""
    base = next(cls for cls in layers.RandomFlip.__mro__ if cls.__name__ == "BaseImagePreprocessingLayer")
    found = {cls for cls in vars(layers).values() if isinstance(cls, type) and issubclass(cls, base)}
    left = {cls.__name__ for cls in found - set(AUGMENTATION)}
    equalizing = {"AutoContrast", "CLAHE", "ContrastLimitedAdaptiveHistogramEqualization"}
    assert left <= equalizing | {"CenterCrop", "MaxNumBoundingBoxes", "Resizing"}
