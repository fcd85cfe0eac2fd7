"""What each kind of Keras layer becomes in a model file (lcnn_engine/MODEL_FORMAT.md), folding what folds exactly.

Batch norm folds into a linear convolution or dense layer right before it, an activation into a node that can hold
one, ZeroPadding2D into the convolution after it; dropout vanishes. Shapes: a Keras kernel is (kh, kw, m, n), a
file's (n, m, kh, kw); a Keras dictionary is (1, 1, m, k), a file's (k, m).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

from lcnn_train.errors import ExportError
from lcnn_train.layers import LookupConv2D, LookupDense, explicit_padding
from lcnn_train.tracing import Call, trace
from lcnn_train.translation import Node, Translation

_WEIGHTED = ("lookup_conv2d", "conv2d", "lookup_dense", "dense")
_ACTIVATED = (*_WEIGHTED, "add", "multiply")
_ACTIVATION_NAMES = {
    keras.activations.linear: "linear",
    keras.activations.relu: "relu",
    keras.activations.relu6: "relu6",
    keras.activations.leaky_relu: "leaky_relu",
    keras.activations.sigmoid: "sigmoid",
    keras.activations.tanh: "tanh",
    keras.activations.silu: "silu",
    keras.activations.hard_sigmoid: "hard_sigmoid",
    keras.activations.hard_silu: "hard_silu",
}
_KERAS_LEAKY_SLOPE = 0.2  # keras.activations.leaky_relu's default, the one a layer's activation="leaky_relu" has

Activation = tuple[str, float | None]  # its name in the file, and leaky_relu's slope


def translate(model: keras.Model) -> Translation:
    """The nodes and tensors of a model. Raises ExportError for what a model file cannot hold."""
    return Translation(trace(model), _TRANSLATORS)


# ------------------------------------------------------------------------------------------- activations and norms


def _named_activation(layer: Any, activation: Callable[..., Any]) -> Activation:
    name = _ACTIVATION_NAMES.get(activation)
    if name is None:
        found = getattr(activation, "__name__", repr(activation))
        raise ExportError(
            f"layer {layer.name}: a model file has no activation {found}. "
            f"Supported: {', '.join(_ACTIVATION_NAMES.values())}, softmax"
        )
    return name, _KERAS_LEAKY_SLOPE if name == "leaky_relu" else None


def _set_activation(node: Node, activation: Activation) -> None:
    name, alpha = activation
    if name != "linear":
        node.attributes["activation"] = name
    if alpha is not None:
        node.attributes["alpha"] = alpha


def _own_activation(node: Node, call: Call) -> None:
    if call.part != "linear":
        _set_activation(node, _named_activation(call.layer, call.layer.activation))


def _apply_activation(translation: Translation, call: Call, activation: Activation) -> None:
    """Fold an activation into the node before it, or give it a node of its own."""
    before = translation.read_only_by(call)
    if before is not None and before.op in _ACTIVATED and "activation" not in before.attributes:
        translation.fold(call, before)
        _set_activation(before, activation)
    else:
        _set_activation(translation.add(call, "activation"), activation)


def _activation(translation: Translation, call: Call) -> None:
    if call.layer.activation is keras.activations.softmax:
        translation.add(call, "softmax")
    else:
        _apply_activation(translation, call, _named_activation(call.layer, call.layer.activation))


def _relu(translation: Translation, call: Call) -> None:
    layer = call.layer
    slope, ceiling, threshold = (float(v or 0) for v in (layer.negative_slope, layer.max_value, layer.threshold))
    if threshold == 0 and layer.max_value is None:
        activation: Activation = ("leaky_relu", slope) if slope else ("relu", None)
    elif threshold == 0 and not slope and ceiling == 6:
        activation = ("relu6", None)
    else:
        raise ExportError(
            f"layer {layer.name}: expected a ReLU with threshold 0 and, without negative_slope, max_value None or 6; "
            f"found threshold={layer.threshold}, max_value={layer.max_value}, negative_slope={layer.negative_slope}"
        )
    _apply_activation(translation, call, activation)


def _leaky_relu(translation: Translation, call: Call) -> None:
    _apply_activation(translation, call, ("leaky_relu", float(call.layer.negative_slope)))


def _softmax(translation: Translation, call: Call) -> None:
    if call.layer.axis not in (-1, len(call.output_shape)):
        raise ExportError(f"layer {call.layer.name}: expected a softmax over the last axis, found {call.layer.axis}")
    translation.add(call, "softmax")


def _batch_norm(translation: Translation, call: Call) -> None:
    layer = call.layer
    if layer.axis not in (-1, len(call.output_shape)):
        raise ExportError(f"layer {layer.name}: expected batch norm over the last axis, found axis {layer.axis}")
    channels = call.output_shape[-1]
    gamma, beta = _array(layer.gamma, np.ones(channels)), _array(layer.beta, np.zeros(channels))
    scale = gamma / np.sqrt(_array(layer.moving_variance) + layer.epsilon)
    shift = beta - _array(layer.moving_mean) * scale
    before = translation.read_only_by(call)
    if before is None or before.op not in _WEIGHTED or "activation" in before.attributes or before.scale is not None:
        node = translation.add(call, "batch_norm")
        node.tensors = {"scale": _f32(scale), "shift": _f32(shift)}
        return
    translation.fold(call, before)
    _fold_norm(before, scale, shift)


def _fold_norm(node: Node, scale: np.ndarray, shift: np.ndarray) -> None:
    """Multiply each filter of a node by `scale`, and its bias too, and add `shift`; in float64 until the end."""
    node.scale = scale
    tensors = node.tensors
    if "indptr" in tensors:
        each = np.repeat(scale, np.diff(tensors["indptr"]))
        tensors["coefficients"] = _f32(tensors["coefficients"] * each)
    else:
        tensors["kernel"] = _f32(tensors["kernel"] * scale.reshape(-1, *[1] * (tensors["kernel"].ndim - 1)))
    tensors["bias"] = _f32(tensors.get("bias", 0.0) * scale + shift)


# ------------------------------------------------------------------------------------------------ weighted layers


def _lookup_conv2d(translation: Translation, call: Call) -> None:
    layer = call.layer
    node = translation.add(
        call, "lookup_conv2d", filters=layer.filters, kernel_size=layer.kernel_size, strides=layer.strides
    )
    _pad_and_dilate(translation, node, call, layer.padding, layer.kernel_size)
    _lookups(node, layer)
    _own_activation(node, call)


def _lookup_dense(translation: Translation, call: Call) -> None:
    node = translation.add(call, "lookup_dense", units=call.layer.units)
    _lookups(node, call.layer)
    _own_activation(node, call)


def _lookups(node: Node, layer: Any) -> None:
    """P (kh, kw, k, n) as CSR of shape (n, kh*kw*k'), without the rows of D that no lookup uses."""
    kept = np.asarray(keras.ops.convert_to_numpy(layer.surviving()))
    P = np.asarray(keras.ops.convert_to_numpy(layer.sparse_P()))
    # A file's dictionary has at least one row, be there a lookup or not.
    used = node.used = used_rows(kept)
    kept, P = (array.take(used, axis=-2).reshape(-1, layer.P.shape[-1]).T for array in (kept, P))
    filters, indices = np.nonzero(kept)  # row by row, ascending within each: the canonical order
    node.tensors = {
        "dictionary": _f32(_array(layer.D).reshape(layer.D.shape[-2:]).T[used]),
        "indptr": np.concatenate([[0], np.cumsum(np.bincount(filters, minlength=len(kept)))]).astype(np.int32),
        "indices": indices.astype(np.int32),
        "coefficients": _f32(P[kept]),
    }
    _bias(node, layer)


def used_rows(kept: np.ndarray) -> np.ndarray:
    """Numbers of the dictionary's rows that some lookup uses; `kept` (..., k, n); the first row if none does."""
    return np.flatnonzero(kept.any(axis=(*range(kept.ndim - 2), -1))) if kept.any() else np.zeros(1, np.intp)


def _conv2d(translation: Translation, call: Call) -> None:
    layer = call.layer
    _channels_last(layer)
    node = translation.add(
        call, "conv2d", filters=layer.filters, kernel_size=tuple(layer.kernel_size), strides=tuple(layer.strides)
    )
    _pad_and_dilate(translation, node, call, layer.padding, tuple(layer.kernel_size))
    node.attributes["groups"] = layer.groups
    node.tensors = {"kernel": _f32(_array(layer.kernel).transpose(3, 2, 0, 1))}
    _bias(node, layer)
    _own_activation(node, call)


def _depthwise_conv2d(translation: Translation, call: Call) -> None:
    """A convolution with as many groups as channels; Keras' kernel (kh, kw, m, times) has filter c * times + t."""
    layer = call.layer
    _channels_last(layer)
    kh, kw, m, times = layer.kernel.shape
    node = translation.add(call, "conv2d", filters=m * times, kernel_size=(kh, kw), strides=tuple(layer.strides))
    _pad_and_dilate(translation, node, call, layer.padding, (kh, kw))
    node.attributes["groups"] = m
    node.tensors = {"kernel": _f32(_array(layer.kernel).transpose(2, 3, 0, 1).reshape(m * times, 1, kh, kw))}
    _bias(node, layer)
    _own_activation(node, call)


def _dense(translation: Translation, call: Call) -> None:
    """On a vector a dense node; on a picture Keras works on the last axis, which is a 1x1 convolution."""
    layer = call.layer
    kernel = _array(layer.kernel).T
    if len(call.input_shapes[0]) == 3:
        node = translation.add(call, "conv2d", filters=layer.units, kernel_size=(1, 1))
        kernel = kernel.reshape(*kernel.shape, 1, 1)
    elif len(call.input_shapes[0]) == 1:
        node = translation.add(call, "dense", units=layer.units)
    else:
        raise ExportError(f"layer {layer.name}: expected a vector or a picture, found shape {call.input_shapes[0]}")
    node.tensors = {"kernel": _f32(kernel)}
    _bias(node, layer)
    _own_activation(node, call)


def _pad_and_dilate(
    translation: Translation, node: Node, call: Call, padding: Any, kernel_size: tuple[int, int]
) -> None:
    layer = call.layer
    dilation = tuple(layer.dilation_rate)
    own = explicit_padding(padding, call.input_shapes[0][:2], kernel_size, tuple(layer.strides), dilation)
    node.attributes["padding"] = tuple(a + b for a, b in zip(own, translation.take_padding(node), strict=True))
    node.attributes["dilation"] = dilation


def _bias(node: Node, layer: Any) -> None:
    if layer.bias is not None:
        node.tensors["bias"] = _f32(_array(layer.bias))


# ---------------------------------------------------------------------------------------- pools, shapes and sums


def _pool2d(op: str) -> Callable[[Translation, Call], None]:
    def translate(translation: Translation, call: Call) -> None:
        layer = call.layer
        _channels_last(layer)
        size, strides = tuple(layer.pool_size), tuple(layer.strides)
        padding = explicit_padding(layer.padding, call.input_shapes[0][:2], size, strides)
        translation.add(call, op, pool_size=size, strides=strides, padding=padding)

    return translate


def _global_pool2d(op: str, kept_op: str) -> Callable[[Translation, Call], None]:
    def translate(translation: Translation, call: Call) -> None:
        _channels_last(call.layer)
        if call.layer.keepdims:  # the format's global pools give (C,); a pool over the whole picture gives (1, 1, C)
            size = call.input_shapes[0][:2]
            translation.add(call, kept_op, pool_size=size, strides=size, padding=(0, 0, 0, 0))
        else:
            translation.add(call, op)

    return translate


def _zero_padding2d(translation: Translation, call: Call) -> None:
    _channels_last(call.layer)
    (top, bottom), (left, right) = call.layer.padding
    translation.add(call, "zero_pad2d", padding=(top, bottom, left, right))


def _flatten(translation: Translation, call: Call) -> None:
    layer = call.layer
    if len(call.input_shapes[0]) != 3 or len(call.output_shape) != 1:
        raise ExportError(
            f"layer {layer.name}: expected a picture (H, W, C) made into a vector, found {call.input_shapes[0]} made "
            f"into {call.output_shape}"
        )
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        _channels_last(layer)
    translation.add(call, "flatten")


def _elementwise(op: str) -> Callable[[Translation, Call], None]:
    def translate(translation: Translation, call: Call) -> None:
        _fitting(call)
        translation.add(call, op)

    return translate


def _fitting(call: Call) -> None:
    """Raise ExportError unless the inputs are of one shape, or some of them (1, 1, C) or (C,)."""
    full = call.output_shape
    for shape in call.input_shapes:
        if shape not in (full, (1, 1, full[-1]), full[-1:]):
            raise ExportError(
                f"layer {call.layer.name}: expected inputs of shape {full}, (1, 1, {full[-1]}) or ({full[-1]},), "
                f"found {shape}"
            )


def _concatenate(translation: Translation, call: Call) -> None:
    if call.layer.axis not in (-1, len(call.output_shape)):
        raise ExportError(f"layer {call.layer.name}: expected a join along the channels, found axis {call.layer.axis}")
    translation.add(call, "concat")


def _channels_last(layer: Any) -> None:
    if layer.data_format != "channels_last":
        raise ExportError(f'layer {layer.name}: expected data_format="channels_last", found {layer.data_format!r}')


def _array(variable: Any, default: np.ndarray | None = None) -> np.ndarray:
    """A variable's value in float64; `default` where a layer goes without it."""
    if variable is None and default is not None:
        return default
    return np.asarray(keras.ops.convert_to_numpy(variable), np.float64)


def _f32(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, np.float32)


_TRANSLATORS: dict[type, Callable[[Translation, Call], None]] = {
    LookupConv2D: _lookup_conv2d,
    LookupDense: _lookup_dense,
    layers.Conv2D: _conv2d,
    layers.DepthwiseConv2D: _depthwise_conv2d,
    layers.Dense: _dense,
    layers.BatchNormalization: _batch_norm,
    layers.Activation: _activation,
    layers.ReLU: _relu,
    layers.LeakyReLU: _leaky_relu,
    layers.Softmax: _softmax,
    layers.MaxPooling2D: _pool2d("max_pool2d"),
    layers.AveragePooling2D: _pool2d("avg_pool2d"),
    layers.GlobalAveragePooling2D: _global_pool2d("global_avg_pool2d", "avg_pool2d"),
    layers.GlobalMaxPooling2D: _global_pool2d("global_max_pool2d", "max_pool2d"),
    layers.ZeroPadding2D: _zero_padding2d,
    layers.Flatten: _flatten,
    layers.Reshape: _flatten,
    layers.Add: _elementwise("add"),
    layers.Multiply: _elementwise("multiply"),
    layers.Concatenate: _concatenate,
}
