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
    """Collects ONNX nodes and initializers; ``names`` maps our values to ONNX's."""

    def __init__(self, graph: g.Graph, tensors: Mapping[str, np.ndarray], batch: int | str) -> None:
        self.graph = graph
        self.tensors = tensors
        self.batch = batch
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}
        self.names: dict[str, str] = {}

    def add(self, op: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Append an ONNX node whose only result goes by ``name``; that name."""
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: np.ndarray) -> str:
        """Make an initializer; its name."""
        self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

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
