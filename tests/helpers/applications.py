"""Networks of keras.applications with random weights and batch norms that are no identity, and one that is not there.

Each takes up to a gigabyte with what is made of it: whoever makes several gives them back in between, `given_back`.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
from keras import layers

# t expansion, c channels, n repeats, s stride, k kernel
_LITE0 = ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5),
          (6, 320, 1, 1, 3))  # fmt: skip


def network(name: str, size: int, variances: tuple[float, float] = (0.01, 2.0), **options) -> keras.Model:
    """A network of keras.applications, or EfficientNetLite0, on (size, size, 3), with `norms`; seeded."""
    keras.utils.set_random_seed(0)
    if name == "EfficientNetLite0":
        model = efficientnet_lite0((size, size, 3))
    else:
        model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), **options)
    norms(model, *variances)
    return model


def norms(model: keras.Model, low: float, high: float) -> None:
    """Give every batch norm random statistics, variances of all magnitudes from `low` to `high`."""
    rng = np.random.default_rng(2)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            shape = layer.moving_mean.shape
            layer.moving_mean.assign(rng.normal(0, 0.3, shape))
            layer.moving_variance.assign(np.exp(rng.uniform(np.log(low), np.log(high), shape)))
            layer.beta.assign(rng.normal(0, 0.3, shape))
            if layer.gamma is not None:
                layer.gamma.assign(rng.uniform(0.5, 1.5, shape))


def efficientnet_lite0(input_shape: tuple[int, int, int]) -> keras.Model:
    """EfficientNet-Lite0, which Keras does not have: no squeeze and excite, ReLU6 everywhere."""
    image = keras.Input(input_shape)
    x = layers.ReLU(6.0)(_convolution(image, 32, 3, 2))
    for expansion, channels, repeats, stride, kernel in _LITE0:
        for number in range(repeats):
            y = x if expansion == 1 else layers.ReLU(6.0)(_convolution(x, x.shape[-1] * expansion))
            y = layers.DepthwiseConv2D(kernel, 1 if number else stride, "same", use_bias=False)(y)
            y = _convolution(layers.ReLU(6.0)(layers.BatchNormalization()(y)), channels)
            x = layers.Add()([x, y]) if number else y
    x = layers.GlobalAveragePooling2D()(layers.ReLU(6.0)(_convolution(x, 1280)))
    return keras.Model(image, layers.Dense(10, "softmax")(x), name="efficientnet_lite0")


def _convolution(x, filters: int, kernel: int = 1, stride: int = 1):
    return layers.BatchNormalization()(layers.Conv2D(filters, kernel, stride, "same", use_bias=False)(x))


def noise(size: int, count: int = 1) -> np.ndarray:
    """Images (count, size, size, 3), seeded."""
    return np.random.default_rng(1).standard_normal((count, size, size, 3)).astype(np.float32)


@contextmanager
def given_back() -> Iterator[None]:
    """Give the memory of the models made inside back to the system."""
    try:
        yield
    finally:
        keras.backend.clear_session(free_memory=True)
        gc.collect()
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc keeps what was freed
        if trim is not None:
            trim(0)
