"""A graph of ordinary layers as an ONNX model; needs the package onnx, which nothing else in the engine does.

Inside, pictures are NCHW, ONNX's own layout; the model's input and a picture as output are NHWC, like ours. ``flatten``
keeps the order of H, W, C. Node names begin with the name of the node they come from. Lookup layers are written out
before, by ``twins.as_dense`` or ``twins.as_two_layers``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ..model import graph as g

OPSET = 17
PLAIN_ACTIVATIONS = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
HARD_SIGMOID = {"alpha": 1.0 / 6.0, "beta": 0.5}
LARGEST = 2**31 - 1  # bytes of a serialized model: protobuf's own limit


class _Writer:
    """Collects ONNX nodes and initializers; ``names`` maps our values to ONNX's."""

    def __init__(self, graph: g.Graph, tensors: Mapping[str, np.ndarray], batch: int | str) -> None:
        self.graph = graph
        self.tensors = tensors
        self.batch = batch
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}
        self.names: dict[str, str] = {}

    def emit(self, op: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Append an ONNX node whose only result goes by ``name``."""
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: np.ndarray) -> str:
        self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def tensor(self, node: g.Node, key: str) -> list[str]:
        """The initializer of a node's tensor, as a list of one; of none where the model leaves it out."""
        value = self.tensors.get(f"{node.name}/{key}")
        return [] if value is None else [self.constant(f"{node.name}.{key}", value.astype(np.float32))]

    def shape(self, name: str) -> g.Shape:
        return self.graph.shapes[name]

    def inputs(self, node: g.Node) -> list[str]:
        return [self.names[name] for name in node.inputs]


def _pads(padding: tuple[int, int, int, int]) -> list[int]:
    top, bottom, left, right = padding
    return [top, left, bottom, right]


def _activate(writer: _Writer, node: Any, value: str) -> str:
    """The activation of ``node`` after the ONNX value ``value``; the name of the result."""
    kind, name = getattr(node, "activation", "linear"), f"{node.name}.act"
    if kind == "linear":
        return value
    if kind in PLAIN_ACTIVATIONS:
        return writer.emit(PLAIN_ACTIVATIONS[kind], [value], name)
    if kind == "relu6":
        bounds = [writer.constant("zero", np.array(0, np.float32)), writer.constant("six", np.array(6, np.float32))]
        return writer.emit("Clip", [value, *bounds], name)
    if kind == "leaky_relu":
        return writer.emit("LeakyRelu", [value], name, alpha=node.alpha)
    if kind == "hard_sigmoid":
        return writer.emit("HardSigmoid", [value], name, **HARD_SIGMOID)
    if kind in ("silu", "hard_silu"):  # ONNX Runtime, too, makes a HardSwish of these two
        op, attributes = ("Sigmoid", {}) if kind == "silu" else ("HardSigmoid", HARD_SIGMOID)
        return writer.emit("Mul", [value, writer.emit(op, [value], f"{name}.gate", **attributes)], name)
    raise ValueError(f"expected an activation of the format, got {kind!r}")


def _convolution(writer: _Writer, node: g.Conv2D) -> str:
    operands = [*writer.inputs(node), *writer.tensor(node, "kernel"), *writer.tensor(node, "bias")]
    return writer.emit(
        "Conv", operands, node.name, kernel_shape=node.kernel_size, strides=node.strides, pads=_pads(node.padding),
        dilations=node.dilation, group=node.groups,
    )  # fmt: skip


def _dense(writer: _Writer, node: g.Dense) -> str:
    operands = [*writer.inputs(node), *writer.tensor(node, "kernel"), *writer.tensor(node, "bias")]
    return writer.emit("Gemm", operands, node.name, transB=1)


def _pool(writer: _Writer, node: g.Pool2D) -> str:
    extra = {"count_include_pad": 0} if isinstance(node, g.AvgPool2D) else {}
    op = "AveragePool" if isinstance(node, g.AvgPool2D) else "MaxPool"
    window = {"kernel_shape": node.pool_size, "strides": node.strides, "pads": _pads(node.padding)}
    return writer.emit(op, writer.inputs(node), node.name, **window, **extra)


def _reshape(writer: _Writer, value: str, name: str, shape: list[int]) -> str:
    return writer.emit("Reshape", [value, writer.constant(f"{name}.shape", np.array(shape, np.int64))], name)


def _global_pool(writer: _Writer, node: g.GlobalPool2D) -> str:
    op = "GlobalAveragePool" if isinstance(node, g.GlobalAvgPool2D) else "GlobalMaxPool"
    pooled = writer.emit(op, writer.inputs(node), node.name)
    return _reshape(writer, pooled, f"{node.name}.vector", [0, -1])


def _flatten(writer: _Writer, node: g.Flatten) -> str:
    nhwc = writer.emit("Transpose", writer.inputs(node), f"{node.name}.nhwc", perm=[0, 2, 3, 1])
    return _reshape(writer, nhwc, node.name, [0, -1])


def _elementwise(writer: _Writer, node: g.Elementwise) -> str:
    rank = len(writer.shape(node.name))
    operands = []
    for number, (ours, theirs) in enumerate(zip(node.inputs, writer.inputs(node), strict=True)):
        grows = len(writer.shape(ours)) < rank
        operands.append(_reshape(writer, theirs, f"{node.name}.in{number}", [0, -1, 1, 1]) if grows else theirs)
    op = "Mul" if isinstance(node, g.Multiply) else "Add"
    value = operands[0]
    for number, operand in enumerate(operands[1:], start=1):
        last = number == len(operands) - 1
        value = writer.emit(op, [value, operand], node.name if last else f"{node.name}.sum{number}")
    return value


def _batch_norm(writer: _Writer, node: g.BatchNorm) -> str:
    channels = writer.shape(node.name)[-1]
    still = [
        writer.constant(f"{node.name}.mean", np.zeros(channels, np.float32)),
        writer.constant(f"{node.name}.variance", np.ones(channels, np.float32)),
    ]
    operands = [*writer.inputs(node), *writer.tensor(node, "scale"), *writer.tensor(node, "shift"), *still]
    return writer.emit("BatchNormalization", operands, node.name, epsilon=0.0)


def _lrn(writer: _Writer, node: g.LRN) -> str:
    size = 2 * node.depth_radius + 1  # ONNX divides alpha by the window's size
    return writer.emit(
        "LRN", writer.inputs(node), node.name, size=size, alpha=node.alpha * size, beta=node.beta, bias=node.bias
    )


def _zero_pad(writer: _Writer, node: g.ZeroPad2D) -> str:
    top, bottom, left, right = node.padding
    pads = writer.constant(f"{node.name}.pads", np.array([0, 0, top, left, 0, 0, bottom, right], np.int64))
    return writer.emit("Pad", [*writer.inputs(node), pads], node.name, mode="constant")


def _one_node(op: str, **attributes: Any) -> Any:
    return lambda writer, node: writer.emit(op, writer.inputs(node), node.name, **attributes)


CONVERSIONS = {
    "conv2d": _convolution,
    "dense": _dense,
    "max_pool2d": _pool,
    "avg_pool2d": _pool,
    "zero_pad2d": _zero_pad,
    "global_avg_pool2d": _global_pool,
    "global_max_pool2d": _global_pool,
    "flatten": _flatten,
    "softmax": _one_node("Softmax", axis=1),
    "activation": lambda writer, node: writer.inputs(node)[0],
    "add": _elementwise,
    "multiply": _elementwise,
    "concat": _one_node("Concat", axis=1),
    "batch_norm": _batch_norm,
    "lrn": _lrn,
}


def onnx_model(graph: g.Graph, tensors: Mapping[str, np.ndarray], batch: int | str = 1) -> bytes:
    """``graph``, which has no lookup layers, as a serialized ONNX model for ``batch`` pictures (a name: any number).

    One input, the graph's, float32 (batch, H, W, C); one output named ``output``, (batch, *output shape). Raises
    ValueError for a lookup layer and for more weights than one ONNX file can hold.
    """
    _check(graph, tensors)
    writer = _Writer(graph, tensors, batch)
    source = graph.input.name
    writer.names[source] = writer.emit("Transpose", [source], f"{source}.nchw", perm=[0, 3, 1, 2])
    for node in graph.nodes:
        value = CONVERSIONS[node.op](writer, node)
        writer.names[node.name] = _activate(writer, node, value)
    result = writer.names[graph.output]
    if len(graph.output_shape) == 3:
        writer.emit("Transpose", [result], "output", perm=[0, 2, 3, 1])
    else:
        writer.emit("Identity", [result], "output")
    return _model(writer).SerializeToString()


def _check(graph: g.Graph, tensors: Mapping[str, np.ndarray]) -> None:
    for node in graph.nodes:
        if node.op not in CONVERSIONS:
            raise ValueError(f"node {node.name}: expected an ordinary layer, found {node.op}; write it out before")
    weights = 4 * sum(array.size for array in tensors.values())
    if weights > LARGEST:
        raise ValueError(f"expected at most {LARGEST:,} bytes of weights, as one ONNX file holds, found {weights:,}")


def _model(writer: _Writer) -> onnx.ModelProto:
    def outside(name: str, shape: g.Shape) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [writer.batch, *shape])

    graph = writer.graph
    return helper.make_model(
        helper.make_graph(
            writer.nodes,
            graph.name,
            [outside(graph.input.name, graph.input.shape)],
            [outside("output", graph.output_shape)],
            list(writer.initializers.values()),
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=10,
    )
