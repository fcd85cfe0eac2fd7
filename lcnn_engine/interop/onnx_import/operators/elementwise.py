"""Operators on two or more values, or a value and a constant, number by number, broadcast as NumPy does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from ..building import RefusedError
from ..calls import Translating
from ..layout import Value, laid_out, order_of, order_with_last
from .pointwise import activated, constant_like, scaled
from .registry import translates

__all__: list[str] = []

MOST_FACTORS = 8  # of a power that is written out as a product


@translates("Add", "Sum")
def _add(call: Translating) -> Value:
    values, constants = _split(call)
    total = _combined(call, "add", values, "" if constants is None else "sum")
    return total if constants is None else scaled(call, total, 1.0, constants)


@translates("Mul")
def _multiply(call: Translating) -> Value:
    values, constants = _split(call, np.multiply)
    product = _combined(call, "multiply", values, "" if constants is None else "product")
    return product if constants is None else scaled(call, product, constants, 0.0)


@translates("Mean")
def _mean(call: Translating) -> Value:
    values, constants = _split(call)
    share = 1.0 / len(call.inputs)
    total = _combined(call, "add", values, "sum")
    return scaled(call, total, share, 0.0 if constants is None else constants * np.float32(share))


@translates("Sub")
def _subtract(call: Translating) -> Value:
    a, b = call.given(0), call.given(1)
    if isinstance(b, np.ndarray):
        return scaled(call, call.value(0), 1.0, -b.astype(np.float32))
    if isinstance(a, np.ndarray):
        return scaled(call, call.value(1), -1.0, a)
    return _combined(call, "subtract", [call.value(0), call.value(1)])


@translates("Div")
def _divide(call: Translating) -> Value:
    a, b = call.given(0), call.given(1)
    if isinstance(b, np.ndarray):
        if not np.all(b):
            raise RefusedError("expected no division by 0")
        return scaled(call, call.value(0), 1.0 / b.astype(np.float64), 0.0)
    if isinstance(a, np.ndarray):
        below = call.value(1)
        above = np.broadcast_to(a, np.broadcast_shapes(a.shape, below.dims))
        return Value(call.add("divide", _whole(call, above, below), below.node), below.shape, below.axes)
    return _combined(call, "divide", [call.value(0), call.value(1)])


def _whole(call: Translating, array: np.ndarray, value: Value) -> str:
    """Append a constant; what it is combined with is an array of the shape of ``value``."""
    return constant_like(call, array, value, "constant")


@translates("Max", "Min")
def _extreme(call: Translating) -> Value:
    op = "maximum" if call.operator.type == "Max" else "minimum"
    values, constants = _split(call, np.maximum if op == "maximum" else np.minimum)
    found = _combined(call, op, values, "" if constants is None else "values")
    if constants is None:
        return found
    if op == "maximum" and not constants.any():
        return activated(call, found, "relu")
    bound = constant_like(call, constants, found, "bound")
    return Value(call.add(op, found.node, bound), found.shape, found.axes)


@translates("Pow")
def _power(call: Translating) -> Value:
    value, exponent = call.value(), call.scalar(1)
    if exponent == 0.5:
        return activated(call, value, "sqrt")
    if exponent is None or exponent != int(exponent) or not 1 <= exponent <= MOST_FACTORS:
        raise RefusedError(f"expected an exponent 0.5 or a whole number from 1 to {MOST_FACTORS}, found {exponent}")
    if exponent == 1:
        return value
    return Value(call.add("multiply", *[value.node] * int(exponent)), value.shape, value.axes)


def _split(call: Translating, combine: np.ufunc = np.add) -> tuple[list[Value], np.ndarray | None]:
    """Give the inputs that are values, and the constants among them as one."""
    values = [found for found in call.inputs if isinstance(found, Value)]
    constants = [found.astype(np.float32) for found in call.inputs if isinstance(found, np.ndarray)]
    return values, reduce(combine, constants) if constants else None


def _combined(call: Translating, op: str, values: Sequence[Value], part: str = "") -> Value:
    """Append ``op`` of values, each brought into the order of the one that has the result's shape."""
    if len(values) == 1:
        return values[0]
    try:
        dims = np.broadcast_shapes(*(value.dims for value in values))
    except ValueError:
        raise RefusedError(f"expected shapes that fit, found {[value.dims for value in values]}") from None
    full = next((value for value in values if value.dims == dims), None)
    if full is None:
        raise RefusedError(f"expected a value of shape {dims} among {[value.dims for value in values]}")
    if any((value.shape, value.axes) != (full.shape, full.axes) for value in values):
        full = _simple(call, full)
    nodes = [_fitted(call, value, full) for value in values]
    return Value(call.add(op, *nodes, part=part), full.shape, full.axes)


def _simple(call: Translating, value: Value) -> Value:
    """Give a value so that each axis of ours is one of ONNX."""
    if order_of(value) is not None:
        return value
    wide = [axis for axis, size in enumerate(value.dims) if size > 1]
    axes = [1] if len(value.dims) == 4 else wide[-1:]
    order = order_with_last(value, axes)
    return laid_out(call.builder.arranged(value, order, call.name), order, value.dims)


def _fitted(call: Translating, value: Value, full: Value) -> str:
    """Bring a value into the order of ``full``; what is repeated over it becomes (C,) or (H, W, 1)."""
    if (value.shape, value.axes) == (full.shape, full.axes):
        return value.node
    order = order_of(full)
    assert order is not None  # by _simple
    lacking = len(full.dims) - len(value.dims)
    value = Value(value.node, value.shape, ((),) * lacking + value.axes)
    wide = {axis for axis, size in enumerate(value.dims) if size > 1}
    if value.dims == full.dims:
        return call.builder.arranged(value, order, call.name)
    if not wide:
        single = call.builder.arranged(value, ([0],), call.name)
        return call.builder.take(f"{call.name}.repeated", single, np.zeros(full.shape[-1]))
    if wide <= set(order[-1]):
        return call.builder.arranged(value, (order[-1],), call.name)
    if len(order) == 3 and wide == {*order[0], *order[1]}:
        return call.builder.arranged(value, (order[0], order[1], []), call.name)
    raise RefusedError(f"expected a value for each channel or each pixel of {full.dims}, found {value.dims}")
