"""Whole networks of other people, with weights that tell layers apart: what ONNX Runtime gives, ours gives."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

import onnx
import onnx.version_converter

from lcnn_engine import Net, from_onnx
from tests.helpers.kernel_cases import seeded
from tests.helpers.onnx_models import NETWORKS, light, model_of, node, run_onnx, with_random_weights

NINE = pytest.mark.parametrize("name", NETWORKS)
TOLERANCE = 2e-5  # of the largest |output|: what rounding comes to over a hundred layers, each within 1e-5


def compared(name: str, model: onnx.ModelProto) -> float:
    """The largest difference on a random image, as a share of the largest |output|."""
    data = model.SerializeToString()
    graph, tensors = from_onnx(data)
    x = seeded(name).standard_normal(graph.input.shape, dtype=np.float32)
    found = Net(graph, tensors).run(x)
    expected = run_onnx(data, x.transpose(2, 0, 1)[None]).reshape(-1)
    assert found.shape == expected.shape == (1000,)
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("opset", range(7, onnx.defs.onnx_opset_version() + 1))
def test_every_opset(opset: int) -> None:
    """A small classifier of opset 7, as ONNX itself makes it newer."""
    rng = seeded("opsets")
    numbers = {"kernel": (8, 3, 3, 3), "scale": (8,), "shift": (8,), "mean": (8,), "matrix": (5, 8), "bias": (5,)}
    constants = {name: rng.standard_normal(shape, dtype=np.float32) for name, shape in numbers.items()}
    constants["variance"] = np.abs(constants["mean"]) + np.float32(0.5)
    nodes = [node("Conv", ["x", "kernel"], ["a"], pads=[1, 1, 1, 1], strides=[2, 2]),
             node("BatchNormalization", ["a", "scale", "shift", "mean", "variance"], ["b"]), node("Relu", ["b"], ["c"]),
             node("MaxPool", ["c"], ["d"], kernel_shape=[2, 2], strides=[2, 2]), node("Dropout", ["d"], ["e"]),
             node("GlobalAveragePool", ["e"], ["f"]), node("Flatten", ["f"], ["g"]),
             node("Gemm", ["g", "matrix", "bias"], ["h"], transB=1), node("Softmax", ["h"], axis=1)]  # fmt: skip
    first = onnx.load_from_string(model_of(nodes, constants, (1, 3, 16, 16), 7))
    first.graph.output[0].type.tensor_type.shape.dim.extend([_dim(1), _dim(5)])
    first.ir_version = 4  # constants need not be inputs
    model = onnx.version_converter.convert_version(first, opset)
    assert model.opset_import[0].version == opset
    x = rng.standard_normal((16, 16, 3), dtype=np.float32)
    found = Net(*from_onnx(model.SerializeToString())).run(x)
    expected = run_onnx(first.SerializeToString(), x.transpose(2, 0, 1)[None])[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def _dim(size: int) -> onnx.TensorShapeProto.Dimension:
    return onnx.TensorShapeProto.Dimension(dim_value=size)


def test_there_are_nine() -> None:
    assert len(NETWORKS) == 9


@NINE
def test_as_shipped(name: str) -> None:
    assert compared(name, light(name)) <= TOLERANCE


@NINE
def test_with_random_weights(name: str) -> None:
    """Without the softmax at the end: of large numbers it leaves but one."""
    model = with_random_weights(light(name), seeded("weights", name))
    last = next(node for node in model.graph.node if model.graph.output[0].name in node.output)
    if last.op_type == "Softmax":
        model.graph.output[0].name = last.input[0]
        model.graph.node.remove(last)
    model.graph.output[0].type.tensor_type.ClearField("shape")
    assert compared(name, model) <= TOLERANCE
