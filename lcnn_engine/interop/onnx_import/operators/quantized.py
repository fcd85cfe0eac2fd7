"""Activations that a model rounds to whole numbers and back: the rounding is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..building import RefusedError
from ..calls import Translating
from ..layout import Value
from ..nodes import Operator
from .pointwise import activated
from .registry import translates

__all__ = ["unpaired"]

MOVES = ("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "MaxPool")  # may come before or behind
UNSIGNED = (0, 2, 4, 21)  # of ONNX's types: uint8 where none is given, uint8, uint16, uint4


@translates("QuantizeLinear", "DequantizeLinear")
def _unquantized(call: Translating) -> Value:
    """Leave out that activations are rounded; a range that begins at 0 is often all that a model has of its relu."""
    value, scale, zero = call.value(), call.constant(1), call.maybe(2)
    if scale.size != 1:
        raise RefusedError("expected one scale for all of a quantized value, found several")
    call.builder.note("the rounding and the limits of quantized activations were left out, but for a lower one of 0")
    if zero is None:
        begins_at_zero = call.integer("output_dtype", 0) in UNSIGNED
    else:
        begins_at_zero = bool((zero == (0 if zero.dtype.kind == "u" else np.iinfo(zero.dtype).min)).all())
    return activated(call, value, "relu") if call.operator.type == "QuantizeLinear" and begins_at_zero else value


def unpaired(operators: Sequence[Operator], constants: Mapping[str, np.ndarray], wanted: str) -> dict[str, str]:
    """Tell, by what they give, of the roundings that cannot be left out, and why.

    Only a pair can be: a QuantizeLinear, and what reads it, through moves at most, are DequantizeLinear alone, with the
    same scale and zero point. ``wanted``: the output.
    """
    makers: dict[str, Operator] = {}
    found = {}
    for op in operators:
        if op.type == "QuantizeLinear" and op.outputs:
            makers[op.outputs[0]] = op
        elif op.type in MOVES and op.inputs and op.inputs[0] in makers:
            makers[op.outputs[0]] = makers[op.inputs[0]]
        elif op.type == "DequantizeLinear" and op.outputs:
            maker = makers.get(op.inputs[0])
            if maker is None or not _alike(maker, op, constants):
                found[op.outputs[0]] = "expected what a QuantizeLinear with the same scale and zero point gives"
        else:
            for maker in (makers[name] for name in op.inputs if name in makers):
                found[maker.outputs[0]] = f"expected its result to be read by a DequantizeLinear alone, found {op.type}"
    if wanted in makers:
        found[makers[wanted].outputs[0]] = (
            "expected its result to be read by a DequantizeLinear, found it as the output"
        )
    return found


def _alike(one: Operator, other: Operator, constants: Mapping[str, np.ndarray]) -> bool:
    """Tell whether two operators have the same scale and zero point; one that is left out is 0."""
    numbers = []
    for op in (one, other):
        given = [constants.get(name) if name else None for name in op.inputs[1:3]]
        numbers.append([0.0 if array is None else array.astype(np.float64).reshape(-1) for array in (*given, None)[:2]])
    return all(np.array_equal(a, b) or (np.ndim(a) + np.ndim(b) == 1 and not np.any(a) and not np.any(b))
               for a, b in zip(*numbers, strict=True))  # fmt: skip
