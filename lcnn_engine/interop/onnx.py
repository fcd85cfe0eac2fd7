"""A graph of ordinary layers as an ONNX model; needs the package onnx, which nothing else in the engine does.

TRANSLATIONS has a row for each of our operations, ``model/activations.py`` one for each activation. Inside, images are
NCHW, ONNX's own layout; the model's input and an image as output are NHWC, like ours. ``flatten`` keeps the order of
H, W, C. Node names begin with the name of the node they come from. Lookup layers are written out before, by
``dense.dense_equivalent`` or ``dense.two_layer_equivalent``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import helper

from ..model import graph as g
from ..model.activations import ACTIVATION_FUNCTIONS
from .onnx_geometry import GEOMETRY
from .onnx_writer import Writer as _Writer
from .onnx_writer import nhwc as _nhwc
from .onnx_writer import reshape as _reshape

__all__ = ["MAX_FILE_BYTES", "TRANSLATIONS", "onnx_model"]

OPSET = 17
MAX_FILE_BYTES = 2**31 - 1  # of a serialized model: protobuf's own limit


def _pads(padding: tuple[int, int, int, int]) -> list[int]:
    top, bottom, left, right = padding
    return [top, left, bottom, right]


def _window(size: tuple[int, int], node: g.Windowed) -> dict[str, Any]:
    return {"kernel_shape": size, "strides": node.strides, "pads": _pads(node.padding)}


# ------------------------------------------------------------------------------------------------------- operations
# Each function appends what one of our nodes becomes, of which ``op`` does the work, and gives the result's name.


def _plain(**attributes: Any) -> Callable[[_Writer, Any, str], str]:
    """Write an operation that is one ONNX operator with these attributes."""
    return lambda writer, node, op: writer.add(op, writer.inputs(node), node.name, **attributes)


def _convolution(writer: _Writer, node: g.Conv2D, op: str) -> str:
    operands = [*writer.inputs(node), *writer.tensor(node, "kernel"), *writer.tensor(node, "bias")]
    window = _window(node.kernel_size, node)
    return writer.add(op, operands, node.name, **window, dilations=node.dilation, group=node.groups)


def _dense(writer: _Writer, node: g.Dense, op: str) -> str:
    operands = [*writer.inputs(node), *writer.tensor(node, "kernel"), *writer.tensor(node, "bias")]
    return writer.add(op, operands, node.name, transB=1)


def _pool(writer: _Writer, node: g.Pool2D, op: str, **attributes: Any) -> str:
    return writer.add(op, writer.inputs(node), node.name, **_window(node.pool_size, node), **attributes)


def _average_pool(writer: _Writer, node: g.AvgPool2D, op: str) -> str:
    return _pool(writer, node, op, count_include_pad=0)


def _global_pool(writer: _Writer, node: g.GlobalPool2D, op: str) -> str:
    pooled = writer.add(op, writer.inputs(node), node.name)
    return _reshape(writer, pooled, f"{node.name}.vector", [0, -1])


def _flatten(writer: _Writer, node: g.Flatten, op: str) -> str:
    return _reshape(writer, _nhwc(writer, node), node.name, [0, -1])


def _elementwise(writer: _Writer, node: g.Elementwise, op: str) -> str:
    """ONNX's operators take two operands, so more become a chain; vectors are made images of one pixel."""
    rank = len(writer.shape(node.name))
    operands = []
    for number, (ours, theirs) in enumerate(zip(node.inputs, writer.inputs(node), strict=True)):
        grows = len(writer.shape(ours)) < rank
        operands.append(_reshape(writer, theirs, f"{node.name}.in{number}", [0, -1, 1, 1]) if grows else theirs)
    value = operands[0]
    for number, operand in enumerate(operands[1:], start=1):
        last = number == len(operands) - 1
        value = writer.add(op, [value, operand], node.name if last else f"{node.name}.sum{number}")
    return value


def _batch_norm(writer: _Writer, node: g.BatchNorm, op: str) -> str:
    channels = writer.shape(node.name)[-1]
    still = [
        writer.constant(f"{node.name}.mean", np.zeros(channels, np.float32)),
        writer.constant(f"{node.name}.variance", np.ones(channels, np.float32)),
    ]
    operands = [*writer.inputs(node), *writer.tensor(node, "scale"), *writer.tensor(node, "shift"), *still]
    return writer.add(op, operands, node.name, epsilon=0.0)


def _lrn(writer: _Writer, node: g.LRN, op: str) -> str:
    size = 2 * node.depth_radius + 1  # ONNX divides alpha by the window's size
    attributes = {"size": size, "alpha": node.alpha * size, "beta": node.beta, "bias": node.bias}
    return writer.add(op, writer.inputs(node), node.name, **attributes)


def _zero_pad(writer: _Writer, node: g.ZeroPad2D, op: str) -> str:
    top, bottom, left, right = node.padding
    pads = writer.constant(f"{node.name}.pads", np.array([0, 0, top, left, 0, 0, bottom, right], np.int64))
    return writer.add(op, [*writer.inputs(node), pads], node.name, mode="constant")


def _nothing(writer: _Writer, node: g.Activation, op: str) -> str:
    """Write nothing of an activation that stands alone: what follows every operation does it."""
    return writer.inputs(node)[0]


class Translation(NamedTuple):
    """What one of our operations is in ONNX: the operator that does its work, and the function that writes it."""

    operator: str
    write: Callable[[_Writer, Any, str], str]


TRANSLATIONS = {
    "conv2d": Translation("Conv", _convolution),
    "dense": Translation("Gemm", _dense),
    "max_pool2d": Translation("MaxPool", _pool),
    "avg_pool2d": Translation("AveragePool", _average_pool),
    "zero_pad2d": Translation("Pad", _zero_pad),
    "global_avg_pool2d": Translation("GlobalAveragePool", _global_pool),
    "global_max_pool2d": Translation("GlobalMaxPool", _global_pool),
    "flatten": Translation("Reshape", _flatten),
    "softmax": Translation("Softmax", _plain(axis=1)),
    "activation": Translation("Identity", _nothing),
    "add": Translation("Add", _elementwise),
    "multiply": Translation("Mul", _elementwise),
    "concat": Translation("Concat", _plain(axis=1)),
    "batch_norm": Translation("BatchNormalization", _batch_norm),
    "lrn": Translation("LRN", _lrn),
    **{op: Translation(*row) for op, row in GEOMETRY.items()},
}


def _activate(writer: _Writer, node: Any, value: str) -> str:
    """Append the activation of ``node`` after the ONNX value ``value``; the result's name."""
    row, name = ACTIVATION_FUNCTIONS[getattr(node, "activation", "linear")], f"{node.name}.act"
    if row.onnx is None:
        return value
    operands = [value, *(writer.constant(key, np.array(x, np.float32)) for key, x in row.onnx_operands.items())]
    attributes = {**row.onnx_attributes, **({"alpha": node.alpha} if row.takes_alpha else {})}
    if row.onnx_gate:
        return writer.add("Mul", [value, writer.add(row.onnx, operands, f"{name}.gate", **attributes)], name)
    return writer.add(row.onnx, operands, name, **attributes)


# --------------------------------------------------------------------------------------------------- a whole graph


def onnx_model(graph: g.Graph, tensors: Mapping[str, np.ndarray], batch: int | str = 1) -> bytes:
    """Write ``graph``, which has no lookup layers, as a serialized ONNX model.

    ``batch`` is its number of images, or a name that leaves the number open. One input, the graph's, float32
    (batch, H, W, C); one output named ``output``, float32 (batch, *output shape). Raises ValueError for a lookup layer
    and for more weights than one ONNX file can hold.
    """
    _check(graph, tensors)
    writer = _Writer(graph, tensors, batch)
    source = graph.input.name
    writer.names[source] = writer.add("Transpose", [source], f"{source}.nchw", perm=[0, 3, 1, 2])
    for node in graph.nodes:
        operator, write = TRANSLATIONS[node.op]
        writer.names[node.name] = _activate(writer, node, write(writer, node, operator))
    result = writer.names[graph.output]
    if len(graph.output_shape) == 3:
        writer.add("Transpose", [result], "output", perm=[0, 2, 3, 1])
    else:
        writer.add("Identity", [result], "output")
    return _model(writer).SerializeToString()


def _check(graph: g.Graph, tensors: Mapping[str, np.ndarray]) -> None:
    for node in graph.nodes:
        if node.op not in TRANSLATIONS:
            raise ValueError(f"node {node.name}: expected an ordinary layer, found {node.op}; write it out before")
    weights = 4 * sum(array.size for array in tensors.values())
    if weights > MAX_FILE_BYTES:
        raise ValueError(
            f"expected at most {MAX_FILE_BYTES:,} bytes of weights, as one ONNX file holds, found {weights:,}"
        )


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
