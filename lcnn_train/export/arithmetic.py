"""Layers that scale and shift each channel, and arithmetic written on Keras tensors: x + y, x * y, x * 2 - 1."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras.src.ops import numpy as operations  # Keras has no public name for what x + y makes

from lcnn_train.errors import ExportError
from lcnn_train.export.builder import GraphBuilder
from lcnn_train.export.weighted import array, f32
from lcnn_train.keras_graph import Call

ARITHMETIC = (operations.Add, operations.Multiply, operations.Subtract, operations.TrueDivide)


def arithmetic(builder: GraphBuilder, call: Call) -> None:
    """Add a node for two tensors added or multiplied; a tensor and a number scale and shift every channel."""
    op = type(call.layer).__name__.lower()
    if len(call.inputs) == 2 and op in ("add", "multiply"):
        fitting(call)
        builder.add(call, op)
        return
    numbers = [value for value in call.arguments if value is not None]
    if len(call.inputs) != 1 or len(numbers) != 1 or (op == "truedivide" and call.arguments[0] is not None):
        raise ExportError(
            f"operation {call.layer.name}: expected x + y or x * y of two tensors, or a tensor and a number; found "
            f"{type(call.layer).__name__} of {len(call.inputs)} tensors"
        )
    number, channels = array(numbers[0]), call.output_shape[-1]
    if call.output_shape != call.input_shapes[0] or number.size not in (1, *number.shape[-1:]):
        raise ExportError(
            f"operation {call.layer.name}: expected one number, or one for each of {channels} channels; found an array "
            f"of shape {number.shape}"
        )
    scale, shift = _scale_and_shift(op, number.reshape(-1), tensor_first=call.arguments[0] is None)
    affine(builder, call, scale, shift)


def _scale_and_shift(op: str, number: np.ndarray, tensor_first: bool) -> tuple[np.ndarray, np.ndarray]:
    one, zero = np.ones_like(number), np.zeros_like(number)
    if op == "add":
        return one, number
    if op == "subtract":
        return (one, -number) if tensor_first else (-one, number)
    return (number, zero) if op == "multiply" else (one / number, zero)


def fitting(call: Call) -> None:
    """Raise ExportError unless the inputs are of one shape, or some of them (1, 1, C) or (C,)."""
    full = call.output_shape
    for shape in call.input_shapes:
        if shape not in (full, (1, 1, full[-1]), full[-1:]):
            raise ExportError(
                f"layer {call.layer.name}: expected inputs of shape {full}, (1, 1, {full[-1]}) or ({full[-1]},), "
                f"found {shape}"
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
