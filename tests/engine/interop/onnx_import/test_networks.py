"""Whole networks of other people, with weights that tell layers apart: what ONNX Runtime gives, ours gives."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

import onnx

from lcnn_engine import Net, from_onnx
from lcnn_engine.model.graph import NODE_TYPES
from tests.helpers.kernel_cases import seeded
from tests.helpers.onnx_models import NETWORKS, light, run_onnx, with_random_weights

NINE = pytest.mark.parametrize("name", NETWORKS)
TOLERANCE = 2e-5  # of the largest |output|: what rounding comes to over a hundred layers, each within 1e-5


def compared(name: str, model: onnx.ModelProto) -> float:
    """The largest difference on a random image, as a share of the largest |output|."""
    if name == "shufflenet" and "take_channels" not in NODE_TYPES:
        pytest.skip("the engine has no take_channels")
    data = model.SerializeToString()
    graph, tensors = from_onnx(data)
    x = seeded(name).standard_normal(graph.input.shape, dtype=np.float32)
    found = Net(graph, tensors).run(x)
    expected = run_onnx(data, x.transpose(2, 0, 1)[None]).reshape(-1)
    assert found.shape == expected.shape == (1000,)
    return float(np.abs(found - expected).max() / np.abs(expected).max())


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
