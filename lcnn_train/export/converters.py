"""What each kind of Keras layer becomes in a model file (MODEL_FORMAT.md of the engine), folding what folds exactly.

Batch norm folds into a linear convolution or dense layer right before it, an activation into a node that can hold
one, ZeroPadding2D into the convolution after it; dropout and random augmentation vanish. `weighted.py` has the layers
with weights.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import layers
from keras.src.ops import nn  # Keras has no public names for what keras.ops.softmax and others make
from keras.src.ops import numpy as numpy_operations

from lcnn_engine.model.graph import NODE_TYPES, Activated
from lcnn_train.errors import ExportError
from lcnn_train.export import resizing, transposed, weighted
from lcnn_train.export.activations import (
    ACTIVATION_LAYERS,
    Activation,
    is_named,
    named_activation,
    set_activation,
)
from lcnn_train.export.arithmetic import ARITHMETIC, arithmetic, fitting, held, normalization, power, rescaling, square
from lcnn_train.export.builder import GraphBuilder, NodeBuilder
from lcnn_train.export.head import traced_without_head
from lcnn_train.export.moves import MOVES, move
from lcnn_train.export.norms import group_norm, layer_norm
from lcnn_train.export.rewritings import REWRITINGS
from lcnn_train.export.weighted import array, channels_last, f32
from lcnn_train.keras_graph.graph import Call, Held, Trace
from lcnn_train.keras_graph.kinds import softmax_of
from lcnn_train.keras_graph.rewriting import Rewriting, name_activations, rewritten
from lcnn_train.layers.geometry import explicit_padding
from lcnn_train.layers.lookup import LookupConv2D, LookupDense

_WEIGHTED = ("lookup_conv2d", "conv2d", "lookup_dense", "dense")
_ACTIVATED = {op for op, kind in NODE_TYPES.items() if issubclass(kind, Activated)} - {"activation"}


def translate(model: keras.Model) -> GraphBuilder:
    """Make the nodes and tensors of a model, of its head its `preprocessing` if that resizes or crops.

    Raises ExportError for what a model file cannot hold.
    """
    traced, preprocessing = traced_without_head(model)
    builder = GraphBuilder(traced, _CONVERTERS)
    builder.preprocessing = preprocessing
    return builder


def traced(model: keras.Model) -> Trace:
    """List the calls of a model as they are exported, without a head that resizes or crops.

    Raises ExportError as `translate` does for what it is not made of.
    """
    return traced_without_head(model)[0]


def register(layer_class: type) -> Callable[[Rewriting], Rewriting]:
    """Say, as a decorator, of which Keras layers and operations a layer class of your own is made.

        @lcnn_train.export.register(LayerScale)
        def _(layer, x):
            return x * layer.gamma

    The function gets the layer and a Keras tensor for each of its inputs, and gives one Keras tensor, of whatever
    `export` supports; it may call layers that the layer holds. Each export runs both on random inputs, and raises
    ExportError where they differ. Raises TypeError for what is no class of layers.
    """
    if not (isinstance(layer_class, type) and issubclass(layer_class, layers.Layer)):
        raise TypeError(f"register: expected a class of Keras layers, found {layer_class!r}")

    def decorate(function: Rewriting) -> Rewriting:
        rewritten(layer_class, function)
        return function

    return decorate


# ------------------------------------------------------------------------------------------- activations and norms


def _apply_activation(builder: GraphBuilder, call: Call, activation: Activation) -> None:
    """Fold an activation into the node before it, or give it a node of its own."""
    before = builder.read_only_by(call)
    if before is not None and before.op in _ACTIVATED and "activation" not in before.attributes:
        builder.fold(call, before)
        set_activation(before, activation)
    else:
        set_activation(builder.add(call, "activation"), activation)


def _activation(builder: GraphBuilder, call: Call) -> None:
    """Add what an Activation layer, or a layer or operation that is one, computes."""
    softmax = softmax_of(call.layer)
    if softmax:
        builder.add(call, softmax)
    else:
        _apply_activation(builder, call, named_activation(call.layer, call.layer))


def _softmax(builder: GraphBuilder, call: Call) -> None:
    if call.layer.axis not in (-1, len(call.output_shape)):
        raise ExportError(f"layer {call.layer.name}: expected a softmax over the last axis, found {call.layer.axis}")
    builder.add(call, "log_softmax" if type(call.layer) is nn.LogSoftmax else "softmax")


def _prelu(builder: GraphBuilder, call: Call) -> None:
    """Add a PReLU of one slope a channel; of others `rewritings.py` makes something else."""
    alpha = array(call.layer.alpha)
    builder.add(call, "prelu").tensors = {
        "slope": f32(np.resize(alpha.reshape(-1, alpha.shape[-1])[0], call.output_shape[-1]))
    }


def _lambda(builder: GraphBuilder, call: Call) -> None:
    """Refuse a Lambda that cannot be called on Keras tensors; others are taken for what they make of them."""
    raise ExportError(
        f"layer {call.layer.name}: expected a Lambda of keras.ops and arithmetic, which can be followed, found one "
        f"that cannot be called on Keras tensors; write its function with keras.ops, or put it into a layer class and "
        f"say of which layers it is made: lcnn_train.export.register"
    )


def _batch_norm(builder: GraphBuilder, call: Call) -> None:
    layer = call.layer
    if layer.axis not in (-1, len(call.output_shape)):
        raise ExportError(f"layer {layer.name}: expected batch norm over the last axis, found axis {layer.axis}")
    channels = call.output_shape[-1]
    gamma, beta = array(layer.gamma, np.ones(channels)), array(layer.beta, np.zeros(channels))
    scale = gamma / np.sqrt(array(layer.moving_variance) + layer.epsilon)
    shift = beta - array(layer.moving_mean) * scale
    before = builder.read_only_by(call)
    if before is None or before.op not in _WEIGHTED or "activation" in before.attributes or before.scale is not None:
        node = builder.add(call, "batch_norm")
        node.tensors = {"scale": f32(scale), "shift": f32(shift)}
        return
    builder.fold(call, before)
    _fold_norm(before, scale, shift)


def _fold_norm(node: NodeBuilder, scale: np.ndarray, shift: np.ndarray) -> None:
    """Multiply each filter of a node by `scale`, and its bias too, and add `shift`; in float64 until the end."""
    node.scale = scale
    tensors = node.tensors
    if "indptr" in tensors:
        each = np.repeat(scale, np.diff(tensors["indptr"]))
        tensors["coefficients"] = f32(tensors["coefficients"] * each)
    else:
        tensors["kernel"] = f32(tensors["kernel"] * scale.reshape(-1, *[1] * (tensors["kernel"].ndim - 1)))
    tensors["bias"] = f32(tensors.get("bias", 0.0) * scale + shift)


# ---------------------------------------------------------------------------------------- pools, shapes and sums


def _pool2d(op: str) -> Callable[[GraphBuilder, Call], None]:
    def translate(builder: GraphBuilder, call: Call) -> None:
        layer = call.layer
        channels_last(layer)
        size, strides = tuple(layer.pool_size), tuple(layer.strides)
        padding = explicit_padding(layer.padding, call.input_shapes[0][:2], size, strides)
        builder.add(call, op, pool_size=size, strides=strides, padding=padding)

    return translate


def _global_pool2d(op: str, kept_op: str) -> Callable[[GraphBuilder, Call], None]:
    def translate(builder: GraphBuilder, call: Call) -> None:
        channels_last(call.layer)
        if call.layer.keepdims:  # the format's global pools give (C,); a pool over the whole image gives (1, 1, C)
            size = call.input_shapes[0][:2]
            builder.add(call, kept_op, pool_size=size, strides=size, padding=(0, 0, 0, 0))
        else:
            builder.add(call, op)

    return translate


def _reduced(name: str) -> Callable[[GraphBuilder, Call], None]:
    """Add a pool for keras.ops.mean or max over rows and columns, or over the channels."""
    kept_op, global_op, channel_op = {
        "mean": ("avg_pool2d", "global_avg_pool2d", "channel_mean"),
        "max": ("max_pool2d", "global_max_pool2d", "channel_max"),
    }[name]

    def translate(builder: GraphBuilder, call: Call) -> None:
        axes, rank = call.layer.axis, len(call.input_shapes[0]) + 1
        given = range(rank) if axes is None else axes if isinstance(axes, list | tuple) else [axes]
        over = sorted(axis % rank for axis in given)
        if rank == 4 and over == [3] and call.layer.keepdims:
            builder.add(call, channel_op)
        elif rank == 4 and over == [1, 2] and call.layer.keepdims:
            size = call.input_shapes[0][:2]
            builder.add(call, kept_op, pool_size=size, strides=size, padding=(0, 0, 0, 0))
        elif rank == 4 and over == [1, 2]:
            builder.add(call, global_op)
        else:
            raise ExportError(
                f"operation {call.layer.name}: expected a {name} over rows and columns, axes 1 and 2, or over the "
                f"channels of an image, axis 3 with keepdims=True; found {axes}"
            )

    return translate


def _zero_padding2d(builder: GraphBuilder, call: Call) -> None:
    channels_last(call.layer)
    (top, bottom), (left, right) = call.layer.padding
    builder.add(call, "zero_pad2d", padding=(top, bottom, left, right))


def _reshape(builder: GraphBuilder, call: Call) -> None:
    if call.output_shape != (1, 1, *call.input_shapes[0]) or not _kept_pool(builder, call):
        move(builder, call)


def _kept_pool(builder: GraphBuilder, call: Call) -> bool:
    """Whether a vector made an image again (squeeze and excite) comes from a global pool, which then keeps it one."""
    before = builder.read_only_by(call)
    if before is None or before.op not in ("global_avg_pool2d", "global_max_pool2d"):
        return False
    builder.fold(call, before)
    before.op = before.op.removeprefix("global_")
    size = before.input_shape[:2]
    before.attributes |= {"pool_size": size, "strides": size, "padding": (0, 0, 0, 0)}
    return True


def _elementwise(op: str) -> Callable[[GraphBuilder, Call], None]:
    def translate(builder: GraphBuilder, call: Call) -> None:
        fitting(call)
        builder.add(call, op)

    return translate


def _concatenate(builder: GraphBuilder, call: Call) -> None:
    if call.layer.axis not in (-1, len(call.output_shape)):
        raise ExportError(f"layer {call.layer.name}: expected a join along the channels, found axis {call.layer.axis}")
    builder.add(call, "concat")


_CONVERTERS: dict[type, Callable[[GraphBuilder, Call], None]] = {
    LookupConv2D: weighted.lookup_conv2d,
    LookupDense: weighted.lookup_dense,
    layers.Conv2D: weighted.conv2d,
    layers.DepthwiseConv2D: weighted.depthwise_conv2d,
    layers.SeparableConv2D: weighted.separable_conv2d,
    layers.Dense: weighted.dense,
    layers.BatchNormalization: _batch_norm,
    layers.Rescaling: rescaling,
    layers.Normalization: normalization,
    layers.Softmax: _softmax,
    nn.Softmax: _softmax,
    nn.LogSoftmax: _softmax,
    layers.PReLU: _prelu,
    layers.LayerNormalization: layer_norm,
    layers.GroupNormalization: group_norm,
    layers.Lambda: _lambda,
    Held: held,
    layers.MaxPooling2D: _pool2d("max_pool2d"),
    layers.AveragePooling2D: _pool2d("avg_pool2d"),
    layers.GlobalAveragePooling2D: _global_pool2d("global_avg_pool2d", "avg_pool2d"),
    layers.GlobalMaxPooling2D: _global_pool2d("global_max_pool2d", "max_pool2d"),
    layers.ZeroPadding2D: _zero_padding2d,
    layers.UpSampling2D: resizing.upsampling2d,
    layers.Resizing: resizing.resizing,
    layers.CenterCrop: resizing.center_crop,
    resizing.ResizeImages: resizing.resizing,
    resizing.PadImages: resizing.pad_images,
    layers.Conv2DTranspose: transposed.conv2d_transpose,
    layers.Add: _elementwise("add"),
    layers.Multiply: _elementwise("multiply"),
    layers.Subtract: _elementwise("subtract"),
    layers.Maximum: _elementwise("maximum"),
    layers.Minimum: _elementwise("minimum"),
    layers.Concatenate: _concatenate,
    numpy_operations.Concatenate: _concatenate,
    numpy_operations.Mean: _reduced("mean"),
    numpy_operations.Max: _reduced("max"),
    numpy_operations.Amax: _reduced("max"),
    numpy_operations.Square: square,
    numpy_operations.Power: power,
    numpy_operations.Pad: resizing.pad,
    **dict.fromkeys(MOVES, move),
    layers.Reshape: _reshape,
    numpy_operations.Reshape: _reshape,
    **dict.fromkeys(ACTIVATION_LAYERS, _activation),
    **dict.fromkeys(ARITHMETIC, arithmetic),
}
for _kind, _rewriting in REWRITINGS.items():
    rewritten(_kind, _rewriting)
name_activations(is_named)
