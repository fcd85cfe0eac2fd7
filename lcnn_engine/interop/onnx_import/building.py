"""Collects the nodes that an ONNX model becomes, and brings values into the order in which an operation needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import LcnnError
from ...model.graph import NODE_TYPES, Node, Shape, elements
from .layout import Value, contiguous, joined, places, size_of

__all__ = ["Builder", "RefusedError", "by_channel"]


class RefusedError(LcnnError):
    """An ONNX node cannot be taken; the message says what is the matter, and the remedy."""


class Builder:
    """The graph in the making: nodes in order, their tensors by ``<node>/<tensor>``, their shapes.

    ``notes`` say what is not quite as the model has it.
    """

    def __init__(self, source: str, shape: Shape) -> None:
        self.nodes: list[Node] = []
        self.tensors: dict[str, np.ndarray] = {}
        self.shapes: dict[str, Shape] = {source: shape}
        self.notes: list[str] = []
        self._numbers: dict[str, int] = {}
        self._arranged: dict[tuple[str, Shape, tuple[int, ...]], str] = {}

    def add(
        self, op: str, name: str, inputs: Sequence[str], tensors: Mapping[str, np.ndarray] | None = None, **fields: Any
    ) -> str:
        """Append a node; the name that it got, which is ``name`` with a number where that is taken.

        Raises ModelFormatError for what breaks a rule of the format.
        """
        name = self._free(name)
        node = NODE_TYPES[op](name=name, inputs=tuple(inputs), **fields)
        node.check()
        self.shapes[name] = node.output_shape(*(self.shapes[source] for source in inputs))
        self.nodes.append(node)
        for key, array in (tensors or {}).items():
            dtype = np.int32 if array.dtype.kind == "i" else np.float32
            self.tensors[f"{name}/{key}"] = np.ascontiguousarray(array, dtype)
        return name

    def note(self, text: str) -> None:
        """Say once what was changed."""
        if text not in self.notes:
            self.notes.append(text)

    def _free(self, name: str) -> str:
        candidate = name
        while candidate in self.shapes:
            self._numbers[name] = self._numbers.get(name, 1) + 1
            candidate = f"{name}_{self._numbers[name]}"
        return candidate

    def arranged(self, value: Value, order: Sequence[Sequence[int]], name: str) -> str:
        """Give the node that holds ``value`` as an array of ours, whose axes are the ONNX axes that ``order`` lists.

        Three groups make (H, W, C), one makes (C,). Nodes are added where numbers have to move: reshape, permute,
        take_channels.
        """
        groups = [[factor for axis in group for factor in value.axes[axis]] for group in order]
        shape = tuple(map(size_of, groups))
        wanted = joined(factor for group in groups for factor in group)
        if wanted == joined([(elements(value.shape), 1)]):
            return self._reshaped(value.node, shape, name)
        key = (value.node, shape, tuple(number for factor in wanted for number in factor))
        if key not in self._arranged:
            self._arranged[key] = self._moved(value, [joined(group) for group in groups], shape, name)
        return self._arranged[key]

    def _reshaped(self, node: str, shape: Shape, name: str) -> str:
        """Give an array in its own order another shape."""
        if self.shapes[node] == shape:
            return node
        if len(shape) == 1:
            return self.add("flatten", f"{name}.flat", [node])
        return self.add("reshape", f"{name}.reshaped", [node], shape=shape)

    def _moved(self, value: Value, groups: list[tuple[tuple[int, int], ...]], shape: Shape, name: str) -> str:
        own = contiguous(value.shape)
        if len(groups) == len(own) == 3 and sorted(groups) == sorted(own):
            remaining, axes = list(range(3)), []
            for group in groups:
                axes.append(next(axis for axis in remaining if own[axis] == group))
                remaining.remove(axes[-1])
            return self.add("permute", f"{name}.permuted", [value.node], axes=tuple(axes))
        order = places(factor for group in groups for factor in group)
        if len(groups) == len(own) and tuple(groups[:-1]) == own[:-1] and shape == value.shape:
            return self.take(f"{name}.ordered", value.node, places(groups[-1]))
        flat = self._reshaped(value.node, (elements(value.shape),), name)
        return self._reshaped(self.take(f"{name}.ordered", flat, order), shape, name)

    def take(self, name: str, source: str, indices: np.ndarray) -> str:
        """Append what takes channels by their ``indices``."""
        return self.add("take_channels", name, [source], {"indices": indices.astype(np.int32)}, channels=len(indices))


def by_channel(array: np.ndarray, value: Value) -> np.ndarray | None:
    """Give a constant, as it is broadcast over ``value``, in the order of our array: (C,) where it depends on the
    channel alone, else of the array's whole shape; None where it does not fit.
    """
    try:
        view = np.broadcast_to(array, value.dims)
    except ValueError:
        return None
    factors = [factor for axis in value.axes for factor in axis]
    view = view.reshape([size for size, _ in factors])
    view = view.transpose(sorted(range(len(factors)), key=lambda i: -factors[i][1]))
    strides = sorted((stride for _, stride in factors), reverse=True)
    channels = value.shape[-1]
    across = [axis for axis, stride in enumerate(strides) if stride >= channels and view.shape[axis] > 1]
    head = view[tuple(0 if axis in across else slice(None) for axis in range(view.ndim))]
    alike = all(view.strides[axis] == 0 for axis in across) or bool((view == head[(None,) * len(across)]).all())
    if alike and head.size == channels:
        return head.reshape(-1)
    return np.ascontiguousarray(view).reshape(value.shape)
