"""What layers with weights become in a model file: convolutions and dense layers, with lookups and without.

Shapes: a Keras kernel is (kh, kw, m, n), a file's (n, m, kh, kw); a Keras dictionary is (1, 1, m, k), a file's (k, m).
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from lcnn_train.errors import ExportError
from lcnn_train.export.activations import own_activation
from lcnn_train.export.builder import GraphBuilder, NodeBuilder
from lcnn_train.keras_graph.graph import Call
from lcnn_train.layers.geometry import explicit_padding


def lookup_conv2d(builder: GraphBuilder, call: Call) -> None:
    layer = call.layer
    node = builder.add(
        call, "lookup_conv2d", filters=layer.filters, kernel_size=layer.kernel_size, strides=layer.strides
    )
    _pad_and_dilate(builder, node, call, layer.padding, layer.kernel_size)
    _lookups(node, layer)
    own_activation(node, call)


def lookup_dense(builder: GraphBuilder, call: Call) -> None:
    """Add a lookup_dense node on a vector, a 1x1 lookup convolution on an image."""
    if _is_image(call):
        node = builder.add(call, "lookup_conv2d", filters=call.layer.units, kernel_size=(1, 1))
    else:
        node = builder.add(call, "lookup_dense", units=call.layer.units)
    _lookups(node, call.layer)
    own_activation(node, call)


def _lookups(node: NodeBuilder, layer: Any) -> None:
    """P (kh, kw, k, n) as CSR of shape (n, kh*kw*k'), without the rows of D that no lookup uses."""
    mask = np.asarray(keras.ops.convert_to_numpy(layer.surviving()))
    P = np.asarray(keras.ops.convert_to_numpy(layer.sparse_P()))
    # A file's dictionary has at least one row, be there a lookup or not; without a dictionary, S has all m channels.
    used = node.used = np.arange(layer.atoms) if layer.D is None else used_rows(mask)
    mask, P = (entries.take(used, axis=-2).reshape(-1, layer.P.shape[-1]).T for entries in (mask, P))
    filters, indices = np.nonzero(mask)  # row by row, ascending within each: the canonical order
    node.tensors = {
        "indptr": np.concatenate([[0], np.cumsum(np.bincount(filters, minlength=len(mask)))]).astype(np.int32),
        "indices": indices.astype(np.int32),
        "coefficients": f32(P[mask]),
    }
    if layer.D is not None:
        node.tensors["dictionary"] = f32(array(layer.D).reshape(layer.D.shape[-2:]).T[used])
    _bias(node, layer)


def used_rows(mask: np.ndarray) -> np.ndarray:
    """Number the dictionary's rows that some lookup uses; `mask` (..., k, n); the first row if none does."""
    return np.flatnonzero(mask.any(axis=(*range(mask.ndim - 2), -1))) if mask.any() else np.zeros(1, np.intp)


def conv2d(builder: GraphBuilder, call: Call) -> None:
    layer = call.layer
    channels_last(layer)
    node = builder.add(
        call, "conv2d", filters=layer.filters, kernel_size=tuple(layer.kernel_size), strides=tuple(layer.strides)
    )
    _pad_and_dilate(builder, node, call, layer.padding, tuple(layer.kernel_size))
    node.attributes["groups"] = layer.groups
    _kernel(node, layer.kernel, array(layer.kernel).transpose(3, 2, 0, 1))
    _bias(node, layer)
    own_activation(node, call)


def depthwise_conv2d(builder: GraphBuilder, call: Call) -> None:
    channels_last(call.layer)
    node = _depthwise(builder, call, call.layer.kernel)
    _bias(node, call.layer)
    own_activation(node, call)


def _depthwise(builder: GraphBuilder, call: Call, kernel: Any) -> NodeBuilder:
    """A convolution with as many groups as channels; Keras' kernel (kh, kw, m, times) has filter c * times + t."""
    layer = call.layer
    kh, kw, m, times = kernel.shape
    node = builder.add(call, "conv2d", filters=m * times, kernel_size=(kh, kw), strides=tuple(layer.strides))
    _pad_and_dilate(builder, node, call, layer.padding, (kh, kw))
    node.attributes["groups"] = m
    _kernel(node, kernel, array(kernel).transpose(2, 3, 0, 1).reshape(m * times, 1, kh, kw))
    return node


def dense(builder: GraphBuilder, call: Call) -> None:
    """Add a dense node on a vector; on an image Keras works on the last axis, which is a 1x1 convolution."""
    layer = call.layer
    kernel = array(layer.kernel).T
    if _is_image(call):
        node = builder.add(call, "conv2d", filters=layer.units, kernel_size=(1, 1))
        kernel = kernel.reshape(*kernel.shape, 1, 1)
    else:
        node = builder.add(call, "dense", units=layer.units)
    _kernel(node, layer.kernel, kernel)
    _bias(node, layer)
    own_activation(node, call)


def _is_image(call: Call) -> bool:
    """Whether a dense layer's input is an image and not a vector. Raises ExportError for anything else."""
    shape = call.input_shapes[0]
    if len(shape) not in (1, 3):
        raise ExportError(f"layer {call.layer.name}: expected a vector or an image, found shape {shape}")
    return len(shape) == 3


def separable_conv2d(builder: GraphBuilder, call: Call) -> None:
    """Add one of its two convolutions: the depthwise one, that pads and strides, or the 1x1 one, with bias."""
    layer = call.layer
    channels_last(layer)
    if call.part == "depthwise":
        _depthwise(builder, call, layer.depthwise_kernel)
        return
    node = builder.add(call, "conv2d", filters=layer.filters, kernel_size=(1, 1))
    _kernel(node, layer.pointwise_kernel, array(layer.pointwise_kernel).transpose(3, 2, 0, 1))
    _bias(node, layer)
    own_activation(node, call)


def _pad_and_dilate(
    builder: GraphBuilder, node: NodeBuilder, call: Call, padding: Any, kernel_size: tuple[int, int]
) -> None:
    layer = call.layer
    dilation = tuple(layer.dilation_rate)
    own = explicit_padding(padding, call.input_shapes[0][:2], kernel_size, tuple(layer.strides), dilation)
    node.attributes["padding"] = tuple(a + b for a, b in zip(own, builder.take_padding(node), strict=True))
    node.attributes["dilation"] = dilation


def _kernel(node: NodeBuilder, variable: Any, values: np.ndarray) -> None:
    node.kernel = variable
    node.tensors = {"kernel": f32(values)}


def _bias(node: NodeBuilder, layer: Any) -> None:
    if layer.bias is not None:
        node.tensors["bias"] = f32(array(layer.bias))


def channels_last(layer: Any) -> None:
    """Raise ExportError for a layer whose images are (C, H, W)."""
    if layer.data_format != "channels_last":
        raise ExportError(f'layer {layer.name}: expected data_format="channels_last", found {layer.data_format!r}')


def array(variable: Any, default: np.ndarray | None = None) -> np.ndarray:
    """Read a variable's value in float64; `default` where a layer goes without it."""
    if variable is None and default is not None:
        return default
    return np.asarray(keras.ops.convert_to_numpy(variable), np.float64)


def f32(values: np.ndarray) -> np.ndarray:
    """Make values what a file stores."""
    return np.ascontiguousarray(values, np.float32)
