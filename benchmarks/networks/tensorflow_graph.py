"""Our graph as a TensorFlow module, NHWC as TensorFlow's CPU kernels and LiteRT like it; models for both from it.

A lookup layer becomes the dense convolution it stands for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

from lcnn_engine.interop.dense import dense_equivalent
from lcnn_engine.model import graph as g
from lcnn_engine.model.interpolation import taps_of

Get = Callable[[str], Any]  # a tensor of the node as a variable, in TensorFlow's layout; None where it has none

LOWEST = float(np.finfo(np.float32).min)  # padding of a maximum

ACTIVATIONS: dict[str, Callable[[Any, g.Node], Any]] = {
    "linear": lambda x, _: x,
    "relu": lambda x, _: tf.nn.relu(x),
    "relu6": lambda x, _: tf.nn.relu6(x),
    "leaky_relu": lambda x, node: tf.nn.leaky_relu(x, getattr(node, "alpha", None)),
    "sigmoid": lambda x, _: tf.nn.sigmoid(x),
    "tanh": lambda x, _: tf.nn.tanh(x),
    "silu": lambda x, _: x * tf.nn.sigmoid(x),
    "hard_sigmoid": lambda x, _: tf.nn.relu6(x + 3.0) / 6.0,
    "hard_silu": lambda x, _: x * tf.nn.relu6(x + 3.0) / 6.0,
    "elu": lambda x, node: tf.where(x >= 0.0, x, getattr(node, "alpha", 1.0) * tf.nn.elu(x)),
    "selu": lambda x, _: tf.nn.selu(x),
    "softplus": lambda x, _: tf.nn.softplus(x),
    "softsign": lambda x, _: tf.nn.softsign(x),
    "gelu": lambda x, _: tf.nn.gelu(x),
    "gelu_tanh": lambda x, _: tf.nn.gelu(x, approximate=True),
    "mish": lambda x, _: x * tf.nn.tanh(tf.nn.softplus(x)),
    "exponential": lambda x, _: tf.exp(x),
    "abs": lambda x, _: tf.abs(x),
    "sqrt": lambda x, _: tf.sqrt(x),
    "log": lambda x, _: tf.math.log(x),
    "hard_tanh": lambda x, _: tf.clip_by_value(x, -1.0, 1.0),
}


def _pad(x: Any, padding: tuple[int, int, int, int], value: float = 0.0) -> Any:
    top, bottom, left, right = padding
    return tf.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]], constant_values=value) if any(padding) else x


def _is_same(node: g.Windowed, size: tuple[int, int], shape: g.Shape) -> bool:
    """Tell whether the node's padding is what TensorFlow calls SAME, which its kernels pad without a copy."""
    sides = [node.padding[:2], node.padding[2:]]
    for length, window, stride, dilation, (before, after) in zip(
        shape, size, node.strides, getattr(node, "dilation", (1, 1)), sides, strict=False
    ):
        total = max(0, (-(-length // stride) - 1) * stride + (window - 1) * dilation + 1 - length)
        if (before, after) != (total // 2, total - total // 2):
            return False
    return True


def _convolution(node: g.Conv2D, get: Get, shapes: list[g.Shape], x: Any) -> Any:
    same = _is_same(node, node.kernel_size, shapes[0])
    padded, mode = (x, "SAME") if same else (_pad(x, node.padding), "VALID")
    if node.groups == shapes[0][-1] > 1:
        return _biased(_depthwise(node, get("kernel"), padded, mode), get)
    return _biased(tf.nn.conv2d(padded, get("kernel"), node.strides, mode, "NHWC", node.dilation), get)


def _depthwise(node: g.Conv2D, kernel: Any, padded: Any, mode: str) -> Any:
    """Convolve every channel by itself; ``kernel`` (kh, kw, 1, n). TensorFlow takes equal strides, or no dilation."""
    channels = node.groups
    kernel = tf.reshape(kernel, [*node.kernel_size, channels, node.filters // channels])
    if node.strides[0] != node.strides[1]:
        raise NotImplementedError(f"expected a depthwise convolution of equal strides, got {node.strides}")
    return tf.nn.depthwise_conv2d(padded, kernel, [1, *node.strides, 1], mode, "NHWC", node.dilation)


def _biased(y: Any, get: Get) -> Any:
    bias = get("bias")
    return y if bias is None else tf.nn.bias_add(y, bias)


def _dense(node: g.Dense, get: Get, shapes: list[g.Shape], x: Any) -> Any:
    return _biased(tf.matmul(x, get("kernel")), get)


def _max_pool(node: g.MaxPool2D, get: Get, shapes: list[g.Shape], x: Any) -> Any:
    if _is_same(node, node.pool_size, shapes[0]):
        return tf.nn.max_pool2d(x, node.pool_size, node.strides, "SAME")
    return tf.nn.max_pool2d(_pad(x, node.padding, LOWEST), node.pool_size, node.strides, "VALID")


def _avg_pool(node: g.AvgPool2D, get: Get, shapes: list[g.Shape], x: Any) -> Any:
    """Average the pixels under the window; padding does not count."""
    if not any(node.padding):
        return tf.nn.avg_pool2d(x, node.pool_size, node.strides, "VALID")
    sums = tf.nn.avg_pool2d(_pad(x, node.padding), node.pool_size, node.strides, "VALID")
    inside = _pad(np.ones((1, *shapes[0][:2], 1), np.float32), node.padding)
    share = tf.nn.avg_pool2d(inside, node.pool_size, node.strides, "VALID")
    return sums / share


def _grown(operand: Any, shape: g.Shape, rank: int) -> Any:
    return tf.reshape(operand, [-1, 1, 1, shape[-1]]) if len(shape) < rank else operand


def _elementwise(combine: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def combine_all(node: g.Elementwise, get: Get, shapes: list[g.Shape], *xs: Any) -> Any:
        rank = max(map(len, shapes))
        return reduce(combine, (_grown(x, shape, rank) for x, shape in zip(xs, shapes, strict=True)))

    return combine_all


def _layer_norm(node: g.LayerNorm, get: Get, shapes: list[g.Shape], x: Any) -> Any:
    mean, variance = tf.nn.moments(x, [-1], keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, get("shift"), get("scale"), node.epsilon)


def _group_norm(node: g.GroupNorm, get: Get, shapes: list[g.Shape], x: Any) -> Any:
    height, width, channels = shapes[0]
    grouped = tf.reshape(x, [-1, height, width, node.groups, channels // node.groups])
    mean, variance = tf.nn.moments(grouped, [1, 2, 4], keepdims=True)
    normal = tf.nn.batch_normalization(grouped, mean, variance, None, None, node.epsilon)
    return tf.reshape(normal, [-1, height, width, channels]) * get("scale") + get("shift")


def _lrn(node: g.LRN, get: Get, shapes: list[g.Shape], x: Any) -> Any:
    return tf.nn.local_response_normalization(x, node.depth_radius, node.bias, node.alpha, node.beta)


def _pad_by_mode(node: g.Pad2D, get: Get, shapes: list[g.Shape], x: Any) -> Any:
    if node.mode == "constant":
        return _pad(x, node.padding, node.value)
    if node.mode != "edge":
        top, bottom, left, right = node.padding
        return tf.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]], node.mode.upper())
    for axis, padding in ((1, node.padding[:2]), (2, node.padding[2:])):
        x = tf.gather(x, np.pad(np.arange(shapes[0][axis - 1]), padding, "edge"), axis=axis)
    return x


def _resize(node: g.Resize2D, get: Get, shapes: list[g.Shape], x: Any) -> Any:
    """Resize by the format's own taps, of which TensorFlow's kernels have only some."""
    for axis, shape in ((0, (1, -1, 1, 1)), (1, (1, 1, -1, 1))):
        indices, weights = taps_of(node, axis, shapes[0][axis])
        if node.method == "nearest":
            x = tf.gather(x, indices[:, 0], axis=axis + 1)
            continue
        taps = zip(indices.T, weights.astype(np.float32).T, strict=True)
        x = tf.add_n([tf.gather(x, index, axis=axis + 1) * weight.reshape(shape) for index, weight in taps])
    return x


OPERATIONS: dict[str, Callable[..., Any]] = {
    "conv2d": _convolution,
    "dense": _dense,
    "max_pool2d": _max_pool,
    "avg_pool2d": _avg_pool,
    "zero_pad2d": lambda node, get, shapes, x: _pad(x, node.padding),
    "global_avg_pool2d": lambda node, get, shapes, x: tf.reduce_mean(x, [1, 2]),
    "global_max_pool2d": lambda node, get, shapes, x: tf.reduce_max(x, [1, 2]),
    "flatten": lambda node, get, shapes, x: tf.reshape(x, [-1, int(np.prod(shapes[0]))]),
    "softmax": lambda node, get, shapes, x: tf.nn.softmax(x),
    "log_softmax": lambda node, get, shapes, x: tf.nn.log_softmax(x),
    "activation": lambda node, get, shapes, x: x,
    "add": _elementwise(tf.add),
    "multiply": _elementwise(tf.multiply),
    "subtract": _elementwise(tf.subtract),
    "divide": _elementwise(tf.divide),
    "maximum": _elementwise(tf.maximum),
    "minimum": _elementwise(tf.minimum),
    "constant": lambda node, get, shapes: get("value")[None],
    "concat": lambda node, get, shapes, *xs: tf.concat(xs, -1),
    "batch_norm": lambda node, get, shapes, x: x * get("scale") + get("shift"),
    "prelu": lambda node, get, shapes, x: tf.maximum(x, 0.0) + get("slope") * tf.minimum(x, 0.0),
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "lrn": _lrn,
    "channel_max": lambda node, get, shapes, x: tf.reduce_max(x, -1, keepdims=True),
    "channel_mean": lambda node, get, shapes, x: tf.reduce_mean(x, -1, keepdims=True),
    "pad2d": _pad_by_mode,
    "crop2d": lambda node, get, shapes, x: x[
        :, node.cropping[0] : shapes[0][0] - node.cropping[1], node.cropping[2] : shapes[0][1] - node.cropping[3]
    ],
    "resize2d": _resize,
    "depth_to_space": lambda node, get, shapes, x: (
        x if node.block_size == 1 else tf.nn.depth_to_space(x, node.block_size)
    ),
    "space_to_depth": lambda node, get, shapes, x: (
        x if node.block_size == 1 else tf.nn.space_to_depth(x, node.block_size)
    ),
    "take_channels": lambda node, get, shapes, x: tf.gather(x, get("indices"), axis=-1),
    "reshape": lambda node, get, shapes, x: tf.reshape(x, [-1, *node.shape]),
    "permute": lambda node, get, shapes, x: tf.transpose(x, [0, *(axis + 1 for axis in node.axes)]),
}


KERNEL_LAYOUTS = {4: (2, 3, 1, 0), 2: (1, 0)}  # ours, (n, m, kh, kw) and (n, m), to TensorFlow's


def _variable(key: str, tensor: np.ndarray) -> Any:
    value = tensor.transpose(KERNEL_LAYOUTS[tensor.ndim]) if key == "kernel" else tensor
    dtype = np.int32 if value.dtype.kind == "i" else np.float32
    return tf.Variable(np.ascontiguousarray(value, dtype), trainable=False)


class TensorFlowNet(tf.Module):
    """``graph`` as a module. ``function`` is a concrete tf.function: float32 (N, H, W, C) -> (N, ...), N open."""

    def __init__(self, graph: g.Graph, tensors: Mapping[str, np.ndarray]) -> None:
        super().__init__()
        self._graph, weights = dense_equivalent(graph, tensors)
        self._variables = {name: _variable(name.rpartition("/")[2], tensor) for name, tensor in weights.items()}
        signature = tf.TensorSpec([None, *graph.input.shape], tf.float32, graph.input.name)
        self.function = tf.function(self._compute).get_concrete_function(signature)

    def _compute(self, x: Any) -> Any:
        graph = self._graph
        values = {graph.input.name: x}
        for node in graph.nodes:
            shapes = [graph.shapes[name] for name in node.inputs]
            inputs = [values[name] for name in node.inputs]
            y = OPERATIONS[node.op](
                node, lambda key, own=node.name: self._variables.get(f"{own}/{key}"), shapes, *inputs
            )
            values[node.name] = ACTIVATIONS[getattr(node, "activation", "linear")](y, node)
        return values[graph.output]

    def save(self, folder: Path) -> None:
        """Write a SavedModel, whose signature ``serving_default`` is the network."""
        tf.saved_model.save(self, str(folder), signatures=self.function)

    def litert(self, int8: bool) -> bytes:
        """Return a LiteRT model: float32, or weights in int8 and activations quantized as they come (dynamic range)."""
        converter = tf.lite.TFLiteConverter.from_concrete_functions([self.function], self)
        if int8:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        return converter.convert()
