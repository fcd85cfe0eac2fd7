"""An ONNX graph in the making: nodes and initializers, and the names that our values go by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ..model import graph as g

__all__ = ["Writer", "nhwc", "reshape"]


class Writer:
    """Collects ONNX nodes and initializers; ``names`` maps our values to ONNX's.

    In ONNX the results of nodes, initializers, input and output share one space of names. A node of ours keeps its own
    name, and what is made up around it avoids all names of ours.
    """

    def __init__(self, graph: g.Graph, tensors: Mapping[str, np.ndarray], batch: int | str) -> None:
        self.graph = graph
        self.tensors = tensors
        self.batch = batch
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}
        self.names: dict[str, str] = {}
        self._taken = {node.name for node in graph.nodes}
        self._shared: dict[str, str] = {}
        self.input = self._unique(graph.input.name)
        self.output = self._unique("output", kept=False)
        self._outside = {self.input, self.output}

    def _unique(self, name: str, kept: bool = True) -> str:
        """Take a name that nothing has: ``name``, or with a number; ``kept`` False lets a node of ours have it too."""
        number, unique = 2, name or "unnamed"
        taken = self._taken if kept else {self.input}
        while unique in taken:
            number, unique = number + 1, f"{name or 'unnamed'}_{number}"
        self._taken.add(unique)
        return unique

    def begin(self, node: g.Node) -> None:
        """Let the next result that asks for the name of a node of ours have it."""
        if node.name not in self._outside:
            self._taken.discard(node.name)

    def add(self, op: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Append an ONNX node whose only result goes by ``name``, or one like it where that is taken; that name."""
        unique = self._unique(name)
        self.nodes.append(helper.make_node(op, inputs, [unique], name=unique, **attributes))
        return unique

    def finish(self, op: str, value: str, **attributes: Any) -> None:
        """Append the ONNX node whose result is the model's output."""
        self.nodes.append(helper.make_node(op, [value], [self.output], name=self.output, **attributes))

    def constant(self, name: str, value: np.ndarray) -> str:
        """Make an initializer; its name."""
        unique = self._unique(name)
        self.initializers[unique] = numpy_helper.from_array(np.ascontiguousarray(value), unique)
        return unique

    def shared(self, key: str, value: float) -> str:
        """Make the initializer of a number that many nodes read, once; its name."""
        if key not in self._shared:
            self._shared[key] = self.constant(key, np.array(value, np.float32))
        return self._shared[key]

    def tensor(self, node: g.Node, key: str) -> list[str]:
        """Make an initializer of a node's tensor, as a list of one; of none where the model leaves it out."""
        value = self.tensors.get(f"{node.name}/{key}")
        return [] if value is None else [self.constant(f"{node.name}.{key}", value.astype(np.float32))]

    def shape(self, name: str) -> g.Shape:
        return self.graph.shapes[name]

    def inputs(self, node: g.Node) -> list[str]:
        return [self.names[name] for name in node.inputs]


def reshape(writer: Writer, value: str, name: str, shape: list[int]) -> str:
    """Append a reshape to ``shape``, that goes by ``name``."""
    return writer.add("Reshape", [value, writer.constant(f"{name}.shape", np.array(shape, np.int64))], name)


def nhwc(writer: Writer, node: g.Node) -> str:
    """Give a node's only input in the order of H, W, C; a vector as it is."""
    value = writer.inputs(node)[0]
    if len(writer.shape(node.inputs[0])) == 1:
        return value
    return writer.add("Transpose", [value], f"{node.name}.nhwc", perm=[0, 2, 3, 1])
