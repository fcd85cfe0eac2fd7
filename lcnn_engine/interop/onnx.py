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

OPSET = 20  # the first with Gelu
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


def _constant(writer: _Writer, node: g.Constant, op: str) -> str:
    """Write an initializer: one image in ONNX's layout, repeated over the batch by whatever reads it."""
    value = writer.tensors[f"{node.name}/value"].astype(np.float32)
    return writer.constant(node.name, (value.transpose(2, 0, 1) if value.ndim == 3 else value)[None])


def _by_channel(writer: _Writer, node: g.Node, key: str) -> str:
    """Make an initializer of a tensor (C,) that is repeated over an image, if the node's result is one."""
    rank = len(writer.shape(node.name))
    value = writer.tensors[f"{node.name}/{key}"].astype(np.float32)
    return writer.constant(f"{node.name}.{key}", value.reshape(-1, *[1] * (rank - 1)))


def _prelu(writer: _Writer, node: g.PRelu, op: str) -> str:
    return writer.add(op, [*writer.inputs(node), _by_channel(writer, node, "slope")], node.name)


def _layer_norm(writer: _Writer, node: g.LayerNorm, op: str) -> str:
    value, image = writer.inputs(node)[0], len(writer.shape(node.name)) == 3
    if image:
        value = writer.add("Transpose", [value], f"{node.name}.nhwc", perm=[0, 2, 3, 1])
    operands = [value, *writer.tensor(node, "scale"), *writer.tensor(node, "shift")]
    name = f"{node.name}.normal" if image else node.name
    value = writer.add(op, operands, name, axis=-1, epsilon=node.epsilon)
    return writer.add("Transpose", [value], node.name, perm=[0, 3, 1, 2]) if image else value


def _group_norm(writer: _Writer, node: g.GroupNorm, op: str) -> str:
    """Write an instance norm, each group as one channel, unless that is what they are; scale and shift after it."""
    height, width, channels = writer.shape(node.name)
    value, name = writer.inputs(node)[0], node.name
    if node.groups == channels:
        operands = [value, *writer.tensor(node, "scale"), *writer.tensor(node, "shift")]
        return writer.add(op, operands, name, epsilon=node.epsilon)
    ones, zeros = np.ones(node.groups, np.float32), np.zeros(node.groups, np.float32)
    still = [writer.constant(f"{name}.ones", ones), writer.constant(f"{name}.zeros", zeros)]
    value = _reshape(writer, value, f"{name}.groups", [0, node.groups, -1])
    value = writer.add(op, [value, *still], f"{name}.normal", epsilon=node.epsilon)
    value = _reshape(writer, value, f"{name}.image", [0, channels, height, width])
    value = writer.add("Mul", [value, _by_channel(writer, node, "scale")], f"{name}.scaled")
    return writer.add("Add", [value, _by_channel(writer, node, "shift")], name)


def _channel_pool(writer: _Writer, node: g.ChannelPool, op: str) -> str:
    axes = writer.constant(f"{node.name}.axes", np.array([1], np.int64))
    return writer.add(op, [*writer.inputs(node), axes], node.name, keepdims=1)


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
    "log_softmax": Translation("LogSoftmax", _plain(axis=1)),
    "activation": Translation("Identity", _nothing),
    "add": Translation("Add", _elementwise),
    "multiply": Translation("Mul", _elementwise),
    "subtract": Translation("Sub", _elementwise),
    "divide": Translation("Div", _elementwise),
    "maximum": Translation("Max", _elementwise),
    "minimum": Translation("Min", _elementwise),
    "constant": Translation("Identity", _constant),
    "concat": Translation("Concat", _plain(axis=1)),
    "batch_norm": Translation("BatchNormalization", _batch_norm),
    "prelu": Translation("PRelu", _prelu),
    "layer_norm": Translation("LayerNormalization", _layer_norm),
    "group_norm": Translation("InstanceNormalization", _group_norm),
    "lrn": Translation("LRN", _lrn),
    "channel_max": Translation("ReduceMax", _channel_pool),
    "channel_mean": Translation("ReduceMean", _channel_pool),
    **{op: Translation(*row) for op, row in GEOMETRY.items()},
}


def _activate(writer: _Writer, node: Any, value: str) -> str:
    """Append the activation of ``node`` after the ONNX value ``value``; the result's name."""
    row, name = ACTIVATION_FUNCTIONS[getattr(node, "activation", "linear")], f"{node.name}.act"
    if row.onnx is None:
        return value
    operands = [value, *(writer.shared(key, x) for key, x in row.onnx_operands.items())]
    attributes = {**row.onnx_attributes, **({"alpha": node.alpha} if row.takes_alpha else {})}
    if row.onnx_gate:
        return writer.add("Mul", [value, writer.add(row.onnx, operands, f"{name}.gate", **attributes)], name)
    return writer.add(row.onnx, operands, name, **attributes)


# --------------------------------------------------------------------------------------------------- a whole graph


def onnx_model(graph: g.Graph, tensors: Mapping[str, np.ndarray], batch: int | str = 1) -> bytes:
    """Write ``graph``, which has no lookup layers, as a serialized ONNX model.

    ``batch`` is its number of images, or a name that leaves the number open. One input, the graph's, float32
    (batch, H, W, C); one output named ``output`` (``output_2`` if the input is), float32 (batch, *output shape). Raises
    ValueError for a lookup layer, for more weights than one ONNX file can hold, and for what ONNX does not take.
    """
    _check(graph, tensors)
    writer = _Writer(graph, tensors, batch)
    writer.names[graph.input.name] = writer.add("Transpose", [writer.input], f"{writer.input}.nchw", perm=[0, 3, 1, 2])
    for node in graph.nodes:
        writer.begin(node)
        operator, write = TRANSLATIONS[node.op]
        writer.names[node.name] = _activate(writer, node, write(writer, node, operator))
    result = writer.names[graph.output]
    if len(graph.output_shape) == 3:
        writer.finish("Transpose", result, perm=[0, 2, 3, 1])
    else:
        writer.finish("Identity", result)
    model = _model(writer)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ValueError(f"expected a model that ONNX takes, found one that its checker refuses: {error}") from error
    return model.SerializeToString()


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
            graph.name or "model",
            [outside(writer.input, graph.input.shape)],
            [outside(writer.output, graph.output_shape)],
            list(writer.initializers.values()),
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=10,
    )
