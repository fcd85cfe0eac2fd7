"""The reference implementation of operations that work across the channels of a pixel, or channel by channel.

As in ``reference.py``, whose rules and letters hold here; :data:`CHANNELWISE` has the functions by their operations.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CHANNELWISE", "batch_norm", "channel_max", "channel_mean", "group_norm", "layer_norm", "lrn", "narrow",
    "prelu", "wide",
]  # fmt: skip

Float32: TypeAlias = NDArray[np.float32]
Float64: TypeAlias = NDArray[np.float64]


def wide(x: NDArray[Any]) -> Float64:
    """Take values of any dtype as float64, in which definitions compute."""
    return np.asarray(x, dtype=np.float64)


def narrow(y: Float64) -> Float32:
    """Round a result to float32."""
    with np.errstate(over="ignore"):  # beyond float32's range is inf, in the kernels as here
        return np.ascontiguousarray(y, dtype=np.float32)


def batch_norm(x: Float32, *, scale: Float32, shift: Float32) -> Float32:
    """y = x * scale + shift, one number of each (C,) a channel."""
    return narrow(wide(x) * wide(scale) + wide(shift))


def prelu(x: Float32, *, slope: Float32) -> Float32:
    """y = x where x >= 0, else x * slope, one number of ``slope`` (C,) a channel."""
    X = wide(x)
    return narrow(np.where(X >= 0, X, X * wide(slope)))


def _normalized(X: Float64, axes: tuple[int, ...], epsilon: float) -> Float64:
    left = X - X.mean(axis=axes, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):  # an epsilon of 0 where all are equal is the model's own doing
        return left / np.sqrt(np.square(left).mean(axis=axes, keepdims=True) + epsilon)


def layer_norm(x: Float32, *, scale: Float32, shift: Float32, epsilon: float) -> Float32:
    """y = (x - mean) / sqrt(variance + epsilon) * scale + shift, both over the last axis; scale and shift (C,)."""
    return narrow(_normalized(wide(x), (-1,), epsilon) * wide(scale) + wide(shift))


def group_norm(x: Float32, *, scale: Float32, shift: Float32, groups: int, epsilon: float) -> Float32:
    """Normalize as ``layer_norm`` does, by mean and variance over the image and the channels of a group. (H, W, C)."""
    grouped = wide(x).reshape(*x.shape[:2], groups, -1)
    return narrow(_normalized(grouped, (0, 1, 3), epsilon).reshape(x.shape) * wide(scale) + wide(shift))


def channel_max(x: Float32) -> Float32:
    """Take the max of every pixel. (H, W, C) -> (H, W, 1)."""
    return narrow(wide(x).max(axis=-1, keepdims=True))


def channel_mean(x: Float32) -> Float32:
    """Take the mean of every pixel. (H, W, C) -> (H, W, 1)."""
    return narrow(wide(x).mean(axis=-1, keepdims=True))


def lrn(x: Float32, *, depth_radius: int, bias: float, alpha: float, beta: float) -> Float32:
    """y = x / (bias + alpha * sum of the squares of channels i - depth_radius to i + depth_radius) ** beta.

    As ``tf.nn.local_response_normalization``: alpha is not divided by the number of channels summed. (H, W, C).
    """
    X = wide(x)
    channels = X.shape[-1]
    radius = min(depth_radius, channels)  # beyond, there are no more channels to sum
    squares = np.pad(np.square(X), ((0, 0), (0, 0), (radius, radius)))
    total = reduce(np.add, (squares[..., i : i + channels] for i in range(2 * radius + 1)))
    with np.errstate(divide="ignore", invalid="ignore"):  # a base of 0, or below it, is the model's own doing
        return narrow(X / (bias + alpha * total) ** beta)


CHANNELWISE: dict[str, Callable[..., Float32]] = {
    function.__name__: function
    for function in (batch_norm, prelu, layer_norm, group_norm, channel_max, channel_mean, lrn)
}
