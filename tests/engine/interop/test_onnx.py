"""A graph as an ONNX model computes in ONNX Runtime what the reference does, for every operation of the format."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

import onnx
import onnxruntime

from lcnn_engine.interop.dense import dense_equivalent
from lcnn_engine.interop.onnx import onnx_model
from lcnn_engine.model.activations import ACTIVATION_FUNCTIONS
from lcnn_engine.model.reference import evaluate
from tests.helpers.kernel_cases import Network, seeded
from tests.helpers.one_operation import CASES, assert_close, network_of


def run(model: bytes, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": x})[0]


@pytest.mark.parametrize("case", CASES)
def test_one_operation_is_the_references(case: str) -> None:
    graph, tensors, x = network_of(case)
    model = onnx_model(*dense_equivalent(graph, tensors))
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    assert_close(run(model, x[None])[0], evaluate(graph, tensors, x)[graph.output])


def test_an_open_batch() -> None:
    network = Network((7, 9, 4), seeded("open batch"))
    conv = network.add("conv2d", filters=5, kernel_size=(3, 3), padding=(1, 1, 1, 1))
    network.add("multiply", conv, network.add("global_avg_pool2d"))
    network.add("flatten")
    graph, tensors = network.graph(), network.tensors
    xs = network.rng.standard_normal((3, *graph.input.shape), dtype=np.float32)
    expected = np.stack([evaluate(graph, tensors, x)[graph.output] for x in xs])
    assert_close(run(onnx_model(graph, tensors, batch="N"), xs), expected)


def test_what_an_activation_becomes_tells_which_it_is() -> None:
    """Two rows alike could not be told apart in a model that is read."""
    rows = [(row.onnx, *map(tuple, (row.onnx_attributes.items(), row.onnx_operands.items())), row.onnx_gate)
            for row in ACTIVATION_FUNCTIONS.values()]  # fmt: skip
    assert len(set(rows)) == len(rows)


def test_lookup_layers_are_to_be_written_out_before() -> None:
    graph, tensors, _ = network_of("lookup_conv2d")
    with pytest.raises(ValueError, match="expected an ordinary layer, found lookup_conv2d; write it out before"):
        onnx_model(graph, tensors)


def test_too_large_for_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lcnn_engine.interop.onnx.MAX_FILE_BYTES", 1000)
    graph, tensors, _ = network_of("conv2d")
    with pytest.raises(ValueError, match=r"expected at most 1,000 bytes of weights, .*, found 1,"):
        onnx_model(graph, tensors)
