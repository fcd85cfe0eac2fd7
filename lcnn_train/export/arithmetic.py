"""Layers that scale and shift each channel, and arithmetic written on Keras tensors: x + y, x / y, x * 2 - 1, x**2."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras.src.ops import numpy as operations  # Keras has no public name for what x + y makes

from lcnn_train.errors import ExportError
from lcnn_train.export.builder import GraphBuilder
from lcnn_train.export.weighted import array, f32
from lcnn_train.keras_graph.graph import Call
from lcnn_train.keras_graph.kinds import COMBINING

_OPERATIONS = {operations.Divide: "divide", operations.TrueDivide: "divide"}
ARITHMETIC = {kind: _OPERATIONS.get(kind, kind.__name__.lower()) for kind in COMBINING}
"""What operations on tensors are called in a model file."""


def arithmetic(builder: GraphBuilder, call: Call) -> None:
    """Add a node for two tensors; a tensor and a number, or one a channel, scale and shift every channel."""
    op = ARITHMETIC[type(call.layer)]
    if len(call.inputs) == 2:
        fitting(call)
        builder.add(call, op)
        return
    number = array(next(value for value in call.arguments if value is not None)).reshape(-1)
    scale, shift = _scale_and_shift(op, number, tensor_first=call.arguments[0] is None)
    affine(builder, call, scale, shift)


def _scale_and_shift(op: str, number: np.ndarray, tensor_first: bool) -> tuple[np.ndarray, np.ndarray]:
    one, zero = np.ones_like(number), np.zeros_like(number)
    if op == "add":
        return one, number
    if op == "subtract":
        return (one, -number) if tensor_first else (-one, number)
    return (number, zero) if op == "multiply" else (one / number, zero)


def square(builder: GraphBuilder, call: Call) -> None:
    """Add x * x."""
    node = builder.add(call, "multiply")
    node.inputs *= 2


def power(builder: GraphBuilder, call: Call) -> None:
    """Add x to a power that is a product or a root, or a number to the power of x. Raises ExportError for others."""
    if len(call.inputs) == 1 and call.arguments[0] is not None:
        _exponential(builder, call, np.asarray(array(call.arguments[0])))
        return
    exponent = next((float(np.squeeze(v)) for v in call.arguments if v is not None and np.size(v) == 1), None)
    if len(call.inputs) != 1 or exponent not in (0.5, 2, 3, 4):
        found = "another tensor" if len(call.inputs) > 1 else "an array" if exponent is None else f"{exponent:g}"
        raise ExportError(
            f"operation {call.layer.name}: expected a tensor to the power of 0.5, 2, 3 or 4, found {found}; write "
            f"others as products and roots, or as ops.exp(ops.log(x) * power)"
        )
    if exponent == 0.5:
        builder.add(call, "activation", activation="sqrt")
    else:
        node = builder.add(call, "multiply")
        node.inputs *= int(exponent)


def _exponential(builder: GraphBuilder, call: Call, base: np.ndarray) -> None:
    """Add base ** x, of one number or one a channel, as exp(x * log(base))."""
    shape = call.output_shape
    fits = base.size in (1, *base.shape[-1:]) and base.size in (1, shape[-1]) and call.input_shapes[0] == shape
    if not fits or not (np.isfinite(base) & (base > 0)).all():
        found = (
            str(base) if base.ndim == 0 else f"an array of shape {base.shape}, its least {base.min(initial=np.inf):g}"
        )
        raise ExportError(
            f"operation {call.layer.name}: expected a number over 0 to the power of a tensor, or one for each of "
            f"{shape[-1]} channels, found {found}"
        )
    if (base == np.e).all():
        builder.add(call, "activation", activation="exponential")
        return
    exponent = builder.add_from(call, builder.value(call), "batch_norm", "_exponent")
    exponent.tensors = {
        key: f32(np.resize(value, shape[-1])) for key, value in (("scale", np.log(base)), ("shift", np.zeros(1)))
    }
    builder.add_from(call, exponent.value, "activation", activation="exponential")


def held(builder: GraphBuilder, call: Call) -> None:
    """Add a value that the model holds."""
    node = builder.add(call, "constant", shape=call.output_shape)
    node.tensors = {"value": f32(call.layer.value)}


def fitting(call: Call) -> None:
    """Raise ExportError unless one input is of the result's shape, and all others can be repeated over it."""
    full = call.output_shape
    shapes = (full, (1, 1, full[-1]), full[-1:], (*full[:-1], 1)) if len(full) == 3 else (full,)
    if full not in call.input_shapes or any(shape not in shapes for shape in call.input_shapes):
        raise ExportError(
            f"layer {call.layer.name}: expected one input of shape {full}, and all of shape "
            f"{' or '.join(map(str, shapes))}, found {' and '.join(map(str, call.input_shapes))}; combine "
            f"each with the full one in turn"
        )


def rescaling(builder: GraphBuilder, call: Call) -> None:
    """Add y = x * scale + offset, each a number or one a channel."""
    affine(builder, call, np.asarray(call.layer.scale), np.asarray(call.layer.offset))


def normalization(builder: GraphBuilder, call: Call) -> None:
    """Add y = (x - mean) / max(standard deviation, Keras' epsilon), over the channels."""
    layer: Any = call.layer
    if layer.invert or tuple(layer.axis or ()) not in ((), (-1,), (len(call.output_shape),)):
        raise ExportError(f"layer {layer.name}: expected axis -1 or None and no invert, found axis {layer.axis}")
    scale = 1 / np.maximum(np.sqrt(array(layer.variance)), keras.config.epsilon())
    affine(builder, call, scale, -array(layer.mean) * scale)


def affine(builder: GraphBuilder, call: Call, scale: np.ndarray, shift: np.ndarray) -> None:
    """Add a batch_norm node: y = x * scale + shift, each of one number or one a channel."""
    channels = call.output_shape[-1]
    if scale.size not in (1, channels) or shift.size not in (1, channels):
        raise ExportError(f"layer {call.layer.name}: expected one number, or one for each of {channels} channels")
    node = builder.add(call, "batch_norm")
    node.tensors = {key: f32(np.resize(value, channels)) for key, value in (("scale", scale), ("shift", shift))}
