"""Keras layers and operations that are written as others, which a model file has: what `keras_graph` traces instead.

Each function gets the layer and a Keras tensor for each of its inputs, and gives one Keras tensor, or NotImplemented
where the layer is to be taken as it is. Tracing runs both on random inputs and holds them to each other.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from keras.src.activations import activations as functions  # Keras has no public names for what the functions make
from keras.src.applications.convnext import LayerScale
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer
from keras.src.ops import math, nn
from keras.src.ops import numpy as numpy_operations

from lcnn_train.keras_graph.rewriting import Rewriting

STEEP = 2.0**60  # makes of the least difference of float32 numbers near 1 far more than 1


def _numbers(variable: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(variable))


def _relu(layer: Any, x: Any) -> Any:
    """Rewrite a ReLU with a ceiling or a threshold: relu, less slope * relu(threshold - x), and what cuts it.

    Above a threshold x itself is kept, by a factor that steps from 0 to 1 there.
    """
    slope, threshold = float(layer.negative_slope or 0), float(layer.threshold or 0)
    ceiling = None if layer.max_value is None else float(layer.max_value)
    if threshold == 0 and (ceiling is None or (slope == 0 and ceiling == 6)):
        return NotImplemented
    if threshold == 0:
        y = ops.relu(x)
    else:
        step = ops.minimum(ops.relu(x - threshold) * STEEP, 1.0)
        y = x * step
    if ceiling is not None:
        y = ops.minimum(y if threshold >= 0 else ops.relu(y), ceiling)
    if slope:
        y = y - ops.relu(threshold - x) * slope
    return y


def _prelu(layer: Any, x: Any) -> Any:
    """Rewrite a PReLU whose slopes differ from pixel to pixel."""
    slope = _numbers(layer.alpha)
    if (slope == slope.reshape(-1, slope.shape[-1])[0]).all():
        return NotImplemented
    return ops.relu(x) - ops.relu(-x) * slope


def _layer_norm(layer: Any, x: Any) -> Any:
    """Rewrite a norm over a whole image as that of one group, over rows and columns as one of a group a channel.

    Scale and shift, of every value or of every pixel, come behind it.
    """
    axes = _axes(layer.axis, len(x.shape))
    if layer.rms_scaling or len(x.shape) != 4 or axes not in ([1, 2, 3], [1, 2]):
        return NotImplemented
    groups = 1 if len(axes) == 3 else -1
    y = layers.GroupNormalization(groups, epsilon=layer.epsilon, center=False, scale=False, dtype=layer.dtype_policy)(x)
    shape = x.shape[1:] if len(axes) == 3 else (*x.shape[1:3], 1)
    if layer.gamma is not None:
        y = y * _numbers(layer.gamma).reshape(shape)
    return y if layer.beta is None else y + _numbers(layer.beta).reshape(shape)


def _rms_norm(layer: Any, x: Any) -> Any:
    if _axes(layer.axis, len(x.shape)) != [len(x.shape) - 1]:
        return NotImplemented
    scale = _numbers(layer.scale)
    return _on_pixel(lambda x: x / ops.sqrt(_channel_mean(ops.square(x)) + layer.epsilon) * scale, x)


def _unit_norm(layer: Any, x: Any) -> Any:
    """Rewrite x / max(|x|, epsilon) over the channels."""
    if _axes(layer.axis, len(x.shape)) != [len(x.shape) - 1]:
        return NotImplemented
    return _on_pixel(lambda x: x / ops.sqrt(ops.maximum(_channel_squares(x), 1e-12)), x)


def _normalize(layer: Any, x: Any) -> Any:
    """Rewrite x / max(|x|, epsilon) over the channels, of keras.ops.normalize."""
    if layer.order != 2 or layer.axis is None or _axes(layer.axis, len(x.shape)) != [len(x.shape) - 1]:
        return NotImplemented
    epsilon = keras.config.epsilon() if layer.epsilon is None else float(layer.epsilon)
    return _on_pixel(lambda x: x / ops.sqrt(ops.maximum(_channel_squares(x), epsilon**2)), x)


def _on_pixel(function: Any, x: Any) -> Any:
    """Call a function of channels on a vector as an image of one pixel, on an image as it is."""
    return function(x) if len(x.shape) == 4 else layers.Flatten()(function(layers.Reshape((1, 1, x.shape[-1]))(x)))


def _channel_squares(x: Any) -> Any:
    return _channel_mean(ops.square(x)) * float(x.shape[-1])


def _channel_mean(x: Any) -> Any:
    return ops.mean(x, axis=-1, keepdims=True)


def _axes(axis: Any, rank: int) -> list[int]:
    return sorted(one % rank for one in (axis if isinstance(axis, list | tuple) else [axis]))


def _lambda(layer: Any, *inputs: Any) -> Any:
    """Take a Lambda for what its function makes of Keras tensors, where it can be called on them."""
    try:
        return layer.function(inputs[0] if len(inputs) == 1 else list(inputs), **layer.arguments)
    except (
        Exception
    ):  # whatever a function of anybody's raises on tensors without values: the converter says what to do
        return NotImplemented


def _sum(layer: Any, x: Any) -> Any:
    """Rewrite a sum as a mean times the count."""
    axes = None if layer.axis is None else _axes(layer.axis, len(x.shape))
    if axes not in ([len(x.shape) - 1], [1, 2]):
        return NotImplemented
    return ops.mean(x, axis=axes, keepdims=layer.keepdims) * float(np.prod([x.shape[axis] for axis in axes]))


def _variance(layer: Any, x: Any) -> Any:
    if layer.axis is None or _axes(layer.axis, len(x.shape)) not in ([len(x.shape) - 1], [1, 2]):
        return NotImplemented
    centred = x - ops.mean(x, axis=layer.axis, keepdims=True)
    return ops.mean(ops.square(centred), axis=layer.axis, keepdims=layer.keepdims)


def _pool(kind: type) -> Rewriting:
    """Rewrite a pool of keras.ops as the layer."""

    def rewrite(layer: Any, x: Any) -> Any:
        return kind(layer.pool_size, layer.strides, layer.padding, layer.data_format)(x)

    return rewrite


def _min(layer: Any, x: Any) -> Any:
    return NotImplemented if layer.axis is None else -ops.max(-x, axis=layer.axis, keepdims=layer.keepdims)


def _clip(layer: Any, x: Any) -> Any:
    return ops.minimum(ops.maximum(x, layer.x_min), layer.x_max)


REWRITINGS: dict[type, Rewriting] = {
    layers.ReLU: _relu,
    functions.ReLU: _relu,
    layers.PReLU: _prelu,
    layers.LayerNormalization: _layer_norm,
    layers.UnitNormalization: _unit_norm,
    layers.Lambda: _lambda,
    LayerScale: lambda layer, x: x * _numbers(layer.gamma),
    CustomScaleLayer: lambda layer, x, residual: x + residual * layer.scale,
    math.Rsqrt: lambda _, x: 1.0 / ops.sqrt(x),
    nn.Normalize: _normalize,
    nn.MaxPool: _pool(layers.MaxPooling2D),
    nn.AveragePool: _pool(layers.AveragePooling2D),
    nn.Celu: lambda layer, x: ops.elu(x / layer.alpha) * layer.alpha,
    nn.LogSigmoid: lambda _, x: -ops.softplus(-x),
    nn.SoftShrink: lambda layer, x: x - ops.clip(x, -layer.threshold, layer.threshold),
    nn.SparseSigmoid: lambda _, x: ops.hard_tanh(x) * 0.5 + 0.5,
    nn.Squareplus: lambda layer, x: (x + ops.sqrt(ops.square(x) + layer.b)) * 0.5,
    nn.TanhShrink: lambda _, x: x - ops.tanh(x),
    numpy_operations.Reciprocal: lambda _, x: 1.0 / x,
    numpy_operations.Negative: lambda _, x: x * -1.0,
    numpy_operations.Clip: _clip,
    numpy_operations.Sum: _sum,
    numpy_operations.Min: _min,
    numpy_operations.Var: _variance,
}
if hasattr(layers, "RMSNormalization"):  # of newer versions
    REWRITINGS[layers.RMSNormalization] = _rms_norm
