"""ONNX models to convert: made of a few nodes, or the large ones that the package onnx ships, with other weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
NETWORKS = sorted(path.stem.removeprefix("light_") for path in LIGHT.glob("*.onnx"))


def model_of(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, np.ndarray] | None = None,
    shape: Sequence[int | str | None] = (1, 4, 7, 9),
    opset: int = 17,
    outputs: Sequence[str] = ("y",),
) -> bytes:
    """Make a model of ``nodes`` that read ``x`` of ``shape`` and give ``y``."""
    graph = helper.make_graph(
        list(nodes),
        "a few nodes",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=min(10, 3 if opset < 9 else 8)
    ).SerializeToString()


def node(op: str, inputs: Sequence[str] = ("x",), outputs: Sequence[str] = ("y",), **attributes: Any) -> onnx.NodeProto:
    """Make a node that by default is all that lies between x and y."""
    return helper.make_node(op, list(inputs), list(outputs), **attributes)


def run_onnx(model: bytes, x: np.ndarray) -> np.ndarray:
    """Run a model in ONNX Runtime, none of its operators changed or joined: its only output."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def light(name: str) -> onnx.ModelProto:
    """Load one of the networks that the package onnx ships, whose weights are all alike."""
    return onnx.load(LIGHT / f"light_{name}.onnx")


def with_random_weights(model: onnx.ModelProto, rng: np.random.Generator) -> onnx.ModelProto:
    """Replace every constant of a light network: kernels He-scaled, statistics of batch norms far from 0 and 1."""
    shapes = {tensor.name: tuple(numpy_helper.to_array(tensor)) for tensor in model.graph.initializer}
    roles = {name: (node.op_type, i) for node in model.graph.node for i, name in enumerate(node.input)}
    made = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer if tensor.data_type == 1}
    made |= {node.output[0]: shapes[node.input[0]] for node in model.graph.node if node.op_type == "ConstantOfShape"}
    nodes = [node for node in model.graph.node if node.op_type != "ConstantOfShape"]
    kept = [tensor for tensor in model.graph.initializer if tensor.data_type != 1]
    random = [
        numpy_helper.from_array(_weight(*roles[name], shape, rng), name)
        for name, shape in made.items()
        if name in roles
    ]
    inputs = [info for info in model.graph.input if info.name not in made]
    graph = helper.make_graph(nodes, model.graph.name, inputs, model.graph.output, [*kept, *random])
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=max(4, model.ir_version))


def _weight(op: str, number: int, shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    values = rng.standard_normal(shape, dtype=np.float32)
    if op in ("Conv", "Gemm", "Reshape"):
        if len(shape) < 2:
            return np.float32(0.1) * values
        return values * np.float32(np.sqrt(2.0 / np.prod(shape[1:])))
    if op == "BatchNormalization" and number in (1, 4):
        return np.abs(1.0 + 0.3 * values) + np.float32(0.1)
    return np.float32(0.3) * values + np.float32(0.8 if op in ("Mul", "Unsqueeze") else 0.0)
