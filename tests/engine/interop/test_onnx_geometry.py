"""What a resize becomes: Resize only where ONNX Runtime gives what it should; sizes of an open batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

import onnx
import onnxruntime

from lcnn_engine.interop.onnx import onnx_model
from lcnn_engine.model.reference import evaluate
from tests.helpers.kernel_cases import Network, seeded
from tests.helpers.one_operation import assert_close


@pytest.mark.parametrize(
    ("attributes", "resize"),
    [
        ({"size": (6, 15), "method": "nearest"}, True),
        ({"size": (7, 15), "method": "nearest"}, False),
        ({"size": (6, 15), "method": "nearest", "coordinates": "align_corners"}, False),
        ({"size": (2, 9), "method": "bilinear"}, True),
        ({"size": (6, 9), "method": "bicubic", "edges": "exclude"}, True),
        ({"size": (2, 9), "method": "bicubic", "edges": "exclude"}, False),
    ],
    ids=str,
)
@pytest.mark.parametrize("batch", [2, "N"])
def test_resizing(attributes: dict[str, Any], resize: bool, batch: int | str) -> None:
    network = Network((3, 5, 4), seeded("onnx resize", attributes))
    network.add("resize2d", **attributes)
    graph = network.graph()
    data = onnx_model(graph, network.tensors, batch)
    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    assert ("Resize" in {node.op_type for node in model.graph.node}) == resize
    xs = network.rng.standard_normal((2, *graph.input.shape), dtype=np.float32)
    expected = np.stack([evaluate(graph, network.tensors, x)[graph.output] for x in xs])
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    assert_close(session.run(None, {"image": xs})[0], expected)
