"""Activations that a model rounds to whole numbers and back: the rounding is left out, the limits stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..building import RefusedError
from ..calls import Translating
from ..layout import Value
from ..nodes import Operator
from .pointwise import limited
from .registry import translates

__all__ = ["unpaired"]

MOVES = ("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "MaxPool")  # may come before or behind
RANGES: dict[int, tuple[int, int]] = {
    0: (0, 255),
    2: (0, 255),
    3: (-128, 127),
    4: (0, 65535),
    5: (-32768, 32767),
    21: (0, 15),
    22: (-8, 7),
}
"""Of ONNX's types, from least to most; 0 where none is said."""


@translates("QuantizeLinear", "DequantizeLinear")
def _unquantized(call: Translating) -> Value:
    """Leave out that activations are rounded; their limits stay, which are often all that a model has of its relu."""
    value, scale, zero = call.value(), call.constant(1), call.maybe(2)
    if scale.size != 1 or (zero is not None and zero.size != 1):
        raise RefusedError("expected one scale for all of a quantized value, found several")
    call.builder.note("the rounding of quantized activations was left out, their limits were kept")
    if call.operator.type == "DequantizeLinear":
        return value
    step, middle = float(scale.reshape(-1)[0]), 0 if zero is None else int(zero.reshape(-1)[0])
    low, high = ((number - middle) * step for number in _range_of(call, zero))
    if low == 0.0 and abs(high - 6.0) <= step / 2:
        high = 6.0  # whose limit is rounded, too
    return limited(call, value, low, high)


def _range_of(call: Translating, zero: np.ndarray | None) -> tuple[int, int]:
    """Give the least and the most whole number that a value is rounded to. Raises RefusedError."""
    if zero is not None and zero.dtype.kind in "iu":
        whole = (int(np.iinfo(zero.dtype).min), int(np.iinfo(zero.dtype).max))
        narrow: Mapping[str, Any] = zero.dtype.metadata or {}
        return narrow.get("range", whole)
    kind = call.integer("output_dtype", 0)
    if zero is not None or kind not in RANGES:
        raise RefusedError("expected activations rounded to whole numbers of 4 to 16 bits, found others")
    return RANGES[kind]


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
