"""Whole networks of other people, with weights that tell layers apart: what ONNX Runtime gives, ours gives.

And node by node, as ``verify`` judges: each from the engine's own inputs of it, beside ONNX's reference in float64. The
nine networks take ten minutes for that: they run where LCNN_SLOW=1 is set, the two smallest always.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

import onnx
import onnx.version_converter

from lcnn_engine import Net, from_onnx
from lcnn_engine.cli.verify import compare
from lcnn_engine.runtime.info import kernel_info
from tests.helpers.kernel_cases import seeded
from tests.helpers.onnx_models import NETWORKS, light, model_of, node, run_onnx, with_random_weights
from tests.helpers.onnx_verifying import Judge, by_float64, by_onnx_runtime, converted

NINE = pytest.mark.parametrize("name", NETWORKS)
SLOW = pytest.mark.skipif(not os.environ.get("LCNN_SLOW"), reason="takes long: set LCNN_SLOW=1")
JUDGED = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ("shufflenet", "squeezenet") else SLOW) for name in NETWORKS]
)
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


@JUDGED
def test_node_by_node_with_random_weights(name: str) -> None:
    """And all nodes as run one by one beside their definition, and the output as predict runs it beside that."""
    model = with_random_weights(light(name), seeded("weights", name))
    found = converted(model)
    x = seeded(name).standard_normal(found.graph.input.shape, dtype=np.float32)
    shares = Judge(model, found, by_float64).shares(x)
    assert found.graph.output in shares
    assert len(shares) > 0.8 * len(found.graph.nodes)
    assert {node: share for node, share in shares.items() if not share <= 1} == {}
    nodes = compare(found.graph, found.tensors, x[None], [str(kernel_info()["isa"])], 1)
    assert [node for node, agreement in nodes.items() if not agreement.ok] == []


@SLOW
@NINE
def test_node_by_node_as_shipped(name: str) -> None:
    model = light(name)
    found = converted(model)
    x = seeded(name).standard_normal(found.graph.input.shape, dtype=np.float32)
    shares = Judge(model, found, by_float64).shares(x)
    assert {node: share for node, share in shares.items() if not share <= 1} == {}


def judged_net() -> tuple[onnx.ModelProto, np.ndarray]:
    """A few layers, and an image that reaches all weights."""
    rng = seeded("judged")
    shapes = {"k1": (8, 3, 3, 3), "g": (8,), "b": (8,), "m": (8,), "k2": (8, 8, 3, 3), "w": (5, 8), "v": (5,)}
    constants = {name: rng.standard_normal(shape, dtype=np.float32) for name, shape in shapes.items()}
    constants["s"] = np.abs(constants["m"]) + np.float32(0.5)
    nodes = [node("Conv", ["x", "k1"], ["a"], name="first", pads=[1, 1, 1, 1]),
             node("BatchNormalization", ["a", "g", "b", "m", "s"], ["c"]), node("Relu", ["c"], ["d"]),
             node("Conv", ["d", "k2"], ["e"], name="second", pads=[1, 1, 1, 1]), node("Relu", ["e"], ["f"]),
             node("GlobalAveragePool", ["f"], ["h"], name="pool"), node("Flatten", ["h"], ["i"]),
             node("Gemm", ["i", "w", "v"], name="last", transB=1)]  # fmt: skip
    model = onnx.load_from_string(model_of(nodes, constants, (1, 3, 12, 12)))
    return model, rng.standard_normal((12, 12, 3), dtype=np.float32)


def one_weight(kernel: np.ndarray) -> np.ndarray:
    moved = kernel.copy()
    moved.reshape(-1)[5] += np.float32(0.01 * np.abs(kernel).max())
    return moved


FAULTS: dict[str, tuple[str, Any]] = {
    "a weight by 1% of the largest": ("tensor", one_weight),
    "axes of a kernel": ("tensor", lambda kernel: kernel.swapaxes(2, 3)),
    "filters": ("tensor", lambda kernel: np.roll(kernel, 1, axis=0)),
    "a padding": ("fields", {"padding": (2, 0, 1, 1)}),
    "an activation": ("fields", {"activation": "linear"}),
}


@pytest.mark.parametrize("evaluate", [by_float64, by_onnx_runtime])
@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_a_fault_is_found_at_its_node(fault: str | None, evaluate: Any) -> None:
    model, x = judged_net()
    found = converted(model)
    if fault is not None:
        kind, change = FAULTS[fault]
        nodes, tensors = found.graph.nodes, dict(found.tensors)
        if kind == "tensor":
            tensors["second/kernel"] = np.ascontiguousarray(change(tensors["second/kernel"]))
        else:
            nodes = tuple(replace(node, **change) if node.name == "second" else node for node in nodes)
        found = found._replace(graph=replace(found.graph, nodes=nodes), tensors=tensors)
    shares = Judge(model, found, evaluate).shares(x)
    assert list(shares) == ["first", "second", "pool", "last"]
    assert [name for name, share in shares.items() if not share <= 1] == ([] if fault is None else ["second"])
