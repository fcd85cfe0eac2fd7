"""Layers and operations of Keras by what they do in inference, those of newer versions too."""

from __future__ import annotations

from inspect import signature
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.ops import core as core_operations  # Keras has no public names for what keras.ops.concatenate makes
from keras.src.ops import numpy as numpy_operations

# What Keras has to change images at random, or by their classes: outside of training these do nothing. Those of newer
# versions are taken as far as the installed one has them.
_AUGMENTATION_NAMES = (
    "AugMix", "CutMix", "Equalization", "MixUp", "RandAugment", "RandomBrightness", "RandomColorDegeneration",
    "RandomColorJitter", "RandomContrast", "RandomCrop", "RandomElasticTransform", "RandomErasing", "RandomFlip",
    "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPerspective", "RandomPosterization",
    "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear", "RandomTranslation", "RandomZoom",
    "Solarization",
)  # fmt: skip
AUGMENTATION = tuple(getattr(keras.layers, name) for name in _AUGMENTATION_NAMES if hasattr(keras.layers, name))
_PIPELINE: tuple[type, ...] = (keras.layers.Pipeline,) if hasattr(keras.layers, "Pipeline") else ()
SPLITS = (
    numpy_operations.Split,
    *(
        getattr(module, name)
        for module, name in ((numpy_operations, "ArraySplit"), (core_operations, "Unstack"))
        if hasattr(module, name)
    ),
)
_AFFINE = (numpy_operations.Add, numpy_operations.Multiply, numpy_operations.Subtract)
_QUOTIENTS = (numpy_operations.Divide, numpy_operations.TrueDivide)
COMBINING = (*_AFFINE, *_QUOTIENTS, numpy_operations.Maximum, numpy_operations.Minimum)
"""Operations of value with value, of tensors, arrays and numbers."""


def is_augmentation(layer: Any) -> bool:
    """Whether a layer does nothing outside of training; a Pipeline does what its layers do."""
    if type(layer) in _PIPELINE:
        return all(map(is_augmentation, layer.layers))
    return isinstance(layer, AUGMENTATION)


def trains_by_default(layer: Any) -> bool:
    """Whether Keras records training=True of a layer that was called without: its `call` says so, as augmentations'."""
    training = signature(layer.call).parameters.get("training")
    return training is not None and training.default is True


def softmax_of(activation: Any) -> str | None:
    """Name the operation that an activation is: a softmax over the last axis or its logarithm; None for others.

    It may be a function of Keras or TensorFlow, or a layer.
    """
    if type(activation) is keras.layers.Activation:
        return softmax_of(activation.activation)
    if type(activation) is keras.layers.Softmax:
        return "softmax" if activation.axis == -1 else None
    for name in ("softmax", "log_softmax"):
        if any(activation is getattr(module, name) for module in (keras.activations, keras.ops, tf.nn)):
            return name
    return None


def is_affine(layer: Any, arguments: tuple[Any, ...], source: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether an operation on a tensor and an array is a scale or a shift, of all or of each channel."""
    numbers = [np.asarray(keras.ops.convert_to_numpy(value)) for value in arguments if value is not None]
    if len(numbers) != 1 or source != shape or numbers[0].size not in (1, *numbers[0].shape[-1:]):
        return False
    return isinstance(layer, _AFFINE) or (isinstance(layer, _QUOTIENTS) and arguments[0] is None)


def takes_list(layer: Any) -> bool:
    """Whether a layer or an operation is called on a list of tensors, of one tensor too."""
    kinds = (
        keras.layers.Add, keras.layers.Multiply, keras.layers.Subtract, keras.layers.Maximum, keras.layers.Minimum,
        keras.layers.Concatenate, numpy_operations.Concatenate, numpy_operations.Stack,
    )  # fmt: skip
    return isinstance(layer, kinds)
