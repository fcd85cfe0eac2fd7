"""Where the numbers of an ONNX value lie in an array of ours.

A value of ONNX has axes N, C, H, W, or others after a Reshape or Transpose; ours is (H, W, C) or (C,). So a value is a
view of one of our arrays: each of its axes is a tuple of factors (size, stride), outermost first, and an element lies
in our array, in C order, at the sum of index times stride. Reshape and Transpose only make other views; numbers move
where an operator needs another order than they have.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ...model.graph import Shape

__all__ = [
    "Axes", "Factor", "Order", "Value", "contiguous", "image", "joined", "laid_out", "order_of", "order_with_last",
    "places", "reshaped", "size_of", "vector",
]  # fmt: skip

Factor = tuple[int, int]  # size, stride in elements of our array
Axes = tuple[tuple[Factor, ...], ...]
Order = Sequence[Sequence[int]]  # the axes of ONNX that make up each of ours


@dataclass(frozen=True)
class Value:
    """A result of ``node``, an array of ours of ``shape``, as ONNX sees it: ``axes`` with the batch, of 1, as one."""

    node: str
    shape: Shape
    axes: Axes

    @property
    def dims(self) -> tuple[int, ...]:
        """The sizes that ONNX sees."""
        return tuple(map(size_of, self.axes))

    @property
    def size(self) -> int:
        """The number of values."""
        return math.prod(self.shape)


def size_of(factors: Iterable[Factor]) -> int:
    """Count the elements along an axis."""
    return math.prod(size for size, _ in factors)


def joined(factors: Iterable[Factor]) -> tuple[Factor, ...]:
    """Write factors as few: none of size 1, neighbours that lie as one joined."""
    found: list[Factor] = []
    for size, stride in factors:
        if size == 1:
            continue
        if found and found[-1][1] == size * stride:
            found[-1] = (found[-1][0] * size, stride)
        else:
            found.append((size, stride))
    return tuple(found)


def contiguous(sizes: Sequence[int]) -> Axes:
    """Give the axes of an array of these sizes that lies as it is, in C order."""
    strides = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    return tuple(joined([(size, stride)]) for size, stride in zip(sizes, strides, strict=True))


def image(node: str, shape: Shape) -> Value:
    """Make the view N, C, H, W of (H, W, C)."""
    height, width, channels = contiguous(shape)
    return Value(node, shape, ((), channels, height, width))


def vector(node: str, shape: Shape, after: int = 0) -> Value:
    """Make the view N, C of (C,), with ``after`` axes of 1 behind."""
    return Value(node, shape, ((), *contiguous(shape), *((),) * after))


def places(factors: Iterable[Factor]) -> np.ndarray:
    """List where the elements lie that factors go through, in their order: int64."""
    found = np.zeros(1, np.int64)
    for size, stride in factors:
        found = (found[:, None] + np.arange(size) * stride).reshape(-1)
    return found


def reshaped(axes: Axes, sizes: Sequence[int]) -> Axes | None:
    """View ``axes`` as others of ``sizes``, as many elements in all; None where that takes no factors."""
    left = list(reversed(joined(factor for axis in axes for factor in axis)))
    result = []
    for wanted in sizes:
        axis: list[Factor] = []
        while wanted > 1:
            size, stride = left.pop()
            if size <= wanted and wanted % size == 0:
                axis.append((size, stride))
                wanted //= size
            elif size % wanted == 0:
                axis.append((wanted, stride * (size // wanted)))
                left.append((size // wanted, stride))
                wanted = 1
            else:
                return None
        result.append(joined(axis))
    return tuple(result)


def laid_out(node: str, order: Order, dims: Sequence[int]) -> Value:
    """View a new array, whose axes are the ONNX axes that ``order`` lists, as ONNX's ``dims``."""
    axes: list[tuple[Factor, ...]] = [()] * len(dims)
    stride = 1
    for axis in reversed([axis for group in order for axis in group]):
        axes[axis] = joined([(dims[axis], stride)])
        stride *= dims[axis]
    return Value(node, tuple(math.prod(dims[axis] for axis in group) for group in order), tuple(axes))


def order_of(value: Value) -> list[list[int]] | None:
    """Tell which axis of ONNX each of ours is, where each is one (none for an axis of 1); else None."""
    own = contiguous(value.shape)
    taken = {factors: axis for axis, factors in enumerate(value.axes) if factors}
    if any(factors and factors not in taken for factors in own):
        return None
    order = [[taken[factors]] if factors else [] for factors in own]
    return order if sum(map(len, order)) == len(taken) else None


def order_with_last(value: Value, axes: Sequence[int]) -> list[list[int]]:
    """Order the axes of ``value`` so that ``axes`` are our channels, and all others stay as they lie."""
    others = [axis for axis, factors in enumerate(value.axes) if factors and axis not in axes]
    others.sort(key=lambda axis: -max(stride for _, stride in value.axes[axis]))
    if not others:
        return [list(axes)]
    return [others[:-1], others[-1:], list(axes)]
