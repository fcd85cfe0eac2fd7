"""Calculates what does not depend on the image: weights that are put together, and arithmetic of shapes.

Nothing is made that takes more than MAX_FOLDED_BYTES in all; a size is known before an array is made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
import onnx

from .building import RefusedError
from .calls import Call, one_axis
from .tensors import FLOATS

__all__ = ["FOLDED", "MAX_FOLDED_BYTES", "Folder", "slices", "split_sizes", "target_shape"]

MAX_FOLDED_BYTES = 2 * 2**30


@dataclass
class Folder:
    """Calculates nodes whose inputs are constants, within a budget of bytes."""

    left: int = field(default_factory=lambda: MAX_FOLDED_BYTES)

    def fold(self, call: Call) -> list[np.ndarray]:
        """Give the results of a node of constants. Raises RefusedError for an operator that is not in FOLDED."""
        function = FOLDED.get(call.operator.type) if not call.operator.domain else None
        if function is None:
            raise RefusedError("of constants alone it is not calculated here; simplify the model before (onnxsim)")
        self.spend(_size_of_result(call))
        with np.errstate(all="ignore"):
            found = function(call)
        return [np.asarray(array) for array in (found if isinstance(found, (list, tuple)) else [found])]

    def spend(self, size: int) -> None:
        """Take an array of this many bytes off the budget. Raises RefusedError."""
        self.left -= size
        if self.left < 0:
            raise RefusedError(f"expected constants that take at most {MAX_FOLDED_BYTES:,} bytes when calculated")


def _size_of_result(call: Call) -> int:
    """Bound the bytes of what a node of constants gives."""
    arrays = [array for array in call.inputs if isinstance(array, np.ndarray)]
    kind = call.operator.type
    if kind == "Concat":
        return sum(array.nbytes for array in arrays)
    if kind == "ConstantOfShape":
        return 4 * math.prod(max(0, int(size)) for size in call.constant(0).reshape(-1))
    if kind == "Range":
        start, limit, step = (float(call.constant(i).reshape(-1)[0]) for i in range(3))
        if not step or not math.isfinite((limit - start) / step):
            raise RefusedError("expected a finite range")
        return 8 * max(0, int((limit - start) / step) + 1)
    if kind == "Expand":
        return 8 * math.prod(max(1, int(size)) for size in call.constant(1).reshape(-1)) * call.constant(0).size
    if kind == "Tile":
        return 8 * math.prod(max(1, int(size)) for size in call.constant(1).reshape(-1)) * call.constant(0).size
    if kind in ("Gather", "MatMul"):
        return 8 * call.constant(0).size * max(1, call.constant(1).size)
    if kind == "Pad":
        return 8 * math.prod(size + sum(abs(n) for n in call.numbers(1, "pads") or []) for size in arrays[0].shape)
    try:
        wide = max((array.itemsize for array in arrays), default=0)
        return max(4, wide) * math.prod(np.broadcast_shapes(*(array.shape for array in arrays)))
    except ValueError:
        return 8 * sum(array.size for array in arrays)


def target_shape(asked: Sequence[int], dims: Sequence[int], allowzero: bool = False) -> list[int]:
    """Give the sizes that a Reshape makes of ``dims``: 0 keeps a size, -1 is what is left. Raises RefusedError."""
    sizes = [dims[i] if size == 0 and not allowzero and i < len(dims) else size for i, size in enumerate(asked)]
    total, known = math.prod(dims), math.prod(size for size in sizes if size != -1)
    if sizes.count(-1) == 1 and known > 0 and total % known == 0:
        sizes[sizes.index(-1)] = total // known
    if any(size < 0 for size in sizes) or math.prod(sizes) != total:
        raise RefusedError(f"expected a shape for {total} values, found {list(asked)} for {tuple(dims)}")
    return sizes


# ------------------------------------------------------------------------------------------------------- operators

FOLDED: dict[str, Callable[[Call], Any]] = {}


def _folds(*types: str) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
    def enter(function: Callable[[Call], Any]) -> Callable[[Call], Any]:
        FOLDED.update(dict.fromkeys(types, function))
        return function

    return enter


def _numpy(function: Callable[..., Any]) -> Callable[[Call], np.ndarray]:
    """Fold by a function of NumPy on all inputs, which gives what it gets, float32 for float32."""

    def apply(call: Call) -> np.ndarray:
        inputs = [call.constant(i) for i in range(len(call.inputs))]
        result = np.asarray(function(*inputs))
        return result.astype(np.float32) if result.dtype.kind == "f" else result

    return apply


def _division(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype.kind == "f":
        return a / b
    if not b.all():
        raise RefusedError("expected no division by 0")
    return np.trunc(a / b).astype(a.dtype) if a.dtype.kind == "i" else a // b


FOLDED |= {
    "Add": _numpy(np.add), "Sub": _numpy(np.subtract), "Mul": _numpy(np.multiply), "Div": _numpy(_division),
    "Pow": _numpy(np.power), "Sqrt": _numpy(np.sqrt), "Exp": _numpy(np.exp), "Log": _numpy(np.log),
    "Neg": _numpy(np.negative), "Abs": _numpy(np.abs), "Floor": _numpy(np.floor), "Ceil": _numpy(np.ceil),
    "Reciprocal": _numpy(np.reciprocal), "Identity": _numpy(lambda x: x), "Equal": _numpy(np.equal),
    "Greater": _numpy(np.greater), "Less": _numpy(np.less), "Not": _numpy(np.logical_not), "Or": _numpy(np.logical_or),
    "And": _numpy(np.logical_and), "Where": _numpy(np.where), "Max": _numpy(lambda *xs: reduce(np.maximum, xs)),
    "Min": _numpy(lambda *xs: reduce(np.minimum, xs)), "Tanh": _numpy(np.tanh), "Sign": _numpy(np.sign),
    "MatMul": _numpy(np.matmul), "Relu": _numpy(lambda x: np.maximum(x, 0)), "Round": _numpy(np.round),
    "Sum": _numpy(lambda *xs: sum(xs[1:], xs[0])), "Size": _numpy(lambda x: np.int64(x.size)),
}  # fmt: skip


@_folds("Constant")
def _constant(call: Call) -> np.ndarray:
    attributes = call.operator.attributes
    if callable(reader := attributes.get("value")):
        return reader()
    for key, kind in (("value_float", np.float32), ("value_floats", np.float32), ("value_int", np.int64),
                      ("value_ints", np.int64)):  # fmt: skip
        if key in attributes:
            return np.array(attributes[key], kind)
    raise RefusedError(f"expected a constant of numbers, found {', '.join(attributes) or 'none'}")


@_folds("ConstantOfShape")
def _constant_of_shape(call: Call) -> np.ndarray:
    reader = call.operator.attributes.get("value")
    value = reader() if callable(reader) else np.zeros(1, np.float32)
    return np.full([int(size) for size in call.constant(0).reshape(-1)], value.reshape(-1)[0])


@_folds("Shape")
def _shape(call: Call) -> np.ndarray:
    dims = call.constant(0).shape
    return np.array(dims[call.integer("start", 0) : call.operator.attributes.get("end")], np.int64)


@_folds("Cast", "CastLike")
def _cast(call: Call) -> np.ndarray:
    array = call.constant(0)
    if call.operator.type == "CastLike":
        kind = call.constant(1).dtype
        if kind.itemsize == 1 and kind.kind in "iu":  # as which numbers of 4 bits are read, too
            raise RefusedError(f"expected a cast to floating point or to more than 8 bits, found {kind}")
        return array.astype(kind)
    if call.integer("to") in FLOATS:
        return array.astype(np.float32)
    kind = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(call.integer("to")))
    if kind.isbuiltin != 1 or kind.kind not in "iub":
        raise RefusedError(f"expected a cast to floating point or whole numbers of NumPy's, found {kind}")
    return array.astype(kind)


@_folds("Reshape")
def _reshape(call: Call) -> np.ndarray:
    array = call.constant(0)
    asked = call.numbers(1, "shape") or []
    return array.reshape(target_shape(asked, array.shape, bool(call.integer("allowzero", 0))))


@_folds("Flatten")
def _flatten(call: Call) -> np.ndarray:
    array, axis = call.constant(0), call.integer("axis", 1)
    axis = axis if axis >= 0 else axis + array.ndim
    return array.reshape(math.prod(array.shape[:axis]), -1)


@_folds("Transpose")
def _transpose(call: Call) -> np.ndarray:
    array = call.constant(0)
    return array.transpose(call.integers("perm", list(range(array.ndim))[::-1], array.ndim))


@_folds("Squeeze")
def _squeeze(call: Call) -> np.ndarray:
    axes = call.axes(1, call.constant(0).ndim)
    return np.squeeze(call.constant(0), None if axes is None else tuple(axes))


@_folds("Unsqueeze")
def _unsqueeze(call: Call) -> np.ndarray:
    array, asked = call.constant(0), call.numbers(1, "axes") or []
    if array.ndim + len(asked) > 32:
        raise RefusedError(f"expected at most 32 axes, found {array.ndim + len(asked)}")
    return np.expand_dims(array, tuple(asked))


@_folds("Concat")
def _concat(call: Call) -> np.ndarray:
    arrays = [call.constant(i) for i in range(len(call.inputs))]
    return np.concatenate(arrays, one_axis(call.integer("axis"), arrays[0].ndim))


@_folds("Gather")
def _gather(call: Call) -> np.ndarray:
    array = call.constant(0)
    return np.take(array, call.constant(1).astype(np.int64), one_axis(call.integer("axis", 0), array.ndim))


@_folds("Slice")
def _slice(call: Call) -> np.ndarray:
    array = call.constant(0)
    return array[slices(call, array.shape)]


def slices(call: Call, dims: Sequence[int]) -> tuple[slice, ...]:
    """Read what a Slice takes of each axis of ``dims``. Raises RefusedError."""
    starts, ends = call.numbers(1, "starts"), call.numbers(2, "ends")
    if starts is None or ends is None:
        raise RefusedError("expected starts and ends, found none")
    axes = call.numbers(3, "axes") or list(range(len(starts)))
    steps = call.numbers(4) or [1] * len(starts)
    found = [slice(None)] * len(dims)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise RefusedError(f"expected a start, end, axis and step other than 0 each, found {starts, ends, axes, steps}")
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        axis = one_axis(axis, len(dims))
        stop = None if step < 0 and end < -dims[axis] else end
        found[axis] = slice(start, stop, step)
    return tuple(found)


@_folds("Split")
def _split(call: Call) -> list[np.ndarray]:
    array = call.constant(0)
    axis = one_axis(call.integer("axis", 0), array.ndim)
    sizes = split_sizes(call, array.shape[axis])
    return np.split(array, np.cumsum(sizes)[:-1], axis)


def split_sizes(call: Call, size: int) -> list[int]:
    """Give the sizes of the parts of a Split of an axis of ``size``. Raises RefusedError."""
    sizes = call.numbers(1, "split")
    if sizes is None:
        parts = call.integer("num_outputs", len(call.operator.outputs))
        each = -(-size // max(1, parts))
        sizes = [min(each, size - each * i) for i in range(parts)]
    if sum(sizes) != size or min(sizes, default=0) < 1:
        raise RefusedError(f"expected parts of an axis of {size}, found {sizes}")
    return sizes


@_folds("Expand")
def _expand(call: Call) -> np.ndarray:
    shape = [int(size) for size in call.constant(1).reshape(-1)]
    return np.ascontiguousarray(call.constant(0) * np.ones(shape, call.constant(0).dtype))


@_folds("Tile")
def _tile(call: Call) -> np.ndarray:
    return np.tile(call.constant(0), call.constant(1).astype(np.int64))


@_folds("Range")
def _range(call: Call) -> np.ndarray:
    start, limit, step = (call.constant(i).reshape(-1)[0] for i in range(3))
    return np.arange(start, limit, step, dtype=call.constant(0).dtype)


@_folds("DequantizeLinear")
def _dequantize(call: Call) -> np.ndarray:
    array, scale, zero = call.constant(0), call.constant(1), call.maybe(2)
    if call.integer("block_size", 0):
        raise RefusedError("expected one scale, or one for each part of an axis, found one for each block")
    shape = [1] * array.ndim
    if scale.size > 1:
        shape[one_axis(call.integer("axis", 1), array.ndim)] = -1
    wide = array.astype(np.float64) - (0 if zero is None else zero.astype(np.float64).reshape(shape))
    return (wide * scale.astype(np.float64).reshape(shape)).astype(np.float32)


@_folds("ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin")
def _reduce(call: Call) -> np.ndarray:
    array = call.constant(0)
    axes = call.axes(1, array.ndim)
    function: Any = {"Prod": np.prod, "Sum": np.sum, "Max": np.max, "Min": np.min}[call.operator.type[6:]]
    if not axes and call.integer("noop_with_empty_axes", 0):
        return array
    keep = bool(call.integer("keepdims", 1))
    return np.asarray(function(array, axis=tuple(axes) if axes else None, keepdims=keep)).astype(array.dtype)
