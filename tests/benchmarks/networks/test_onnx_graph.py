"""A workload as an ONNX model: its lookup layers written out, for an open batch too."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

import onnxruntime

from benchmarks.networks.onnx_graph import onnx_model
from lcnn_engine.model.reference import evaluate
from tests.helpers.one_operation import assert_close, network_of


@pytest.mark.parametrize("case", ["lookup_conv2d", "lookup_dense", "conv2d"])
def test_lookup_layers_are_written_out(case: str) -> None:
    graph, tensors, x = network_of(case)
    session = onnxruntime.InferenceSession(onnx_model(graph, tensors, batch="N"), providers=["CPUExecutionProvider"])
    found = session.run(None, {"image": np.stack([x, x])})[0]
    assert_close(found, np.stack([evaluate(graph, tensors, x)[graph.output]] * 2))
