"""The ONNX model computes what the reference computes, for every operation of the format."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

import onnxruntime

from benchmarks.networks.builder import NetBuilder
from benchmarks.networks.onnx_graph import onnx_model
from lcnn_engine.model import graph as g
from lcnn_engine.model.reference import evaluate
from tests.helpers.operation_networks import CASES, assert_close


def _run(model: bytes, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": x})[0]


@pytest.fixture
def net() -> NetBuilder:
    return NetBuilder("one operation", (7, 9, 4), seed=3)


def test_every_operation_has_a_case() -> None:
    assert {name.split()[0] for name in CASES} == set(g.NODE_TYPES)


@pytest.mark.parametrize("case", CASES)
def test_one_operation_is_the_references(case: str, net: NetBuilder) -> None:
    CASES[case](net)
    graph, tensors = net.finish()
    x = 4 * np.random.default_rng(5).standard_normal(graph.input.shape, dtype=np.float32)
    expected = evaluate(graph, tensors, x)[graph.output]
    assert_close(_run(onnx_model(graph, tensors), x[None])[0], expected)


def test_flatten_keeps_the_order_that_a_dense_layer_was_trained_with(net: NetBuilder) -> None:
    net.add("flatten", "flat")
    net.dense("op", 10)
    graph, tensors = net.finish()
    x = np.random.default_rng(6).standard_normal(graph.input.shape, dtype=np.float32)
    assert_close(_run(onnx_model(graph, tensors), x[None])[0], evaluate(graph, tensors, x)["op"])


def test_an_open_batch(net: NetBuilder) -> None:
    net.conv("conv", 5, 3, 1, 1)
    net.add("multiply", "gated", "conv", net.add("global_avg_pool2d", "vector"))
    net.add("flatten", "flat")
    graph, tensors = net.finish()
    xs = np.random.default_rng(7).standard_normal((3, *graph.input.shape), dtype=np.float32)
    expected = np.stack([evaluate(graph, tensors, x)[graph.output] for x in xs])
    assert_close(_run(onnx_model(graph, tensors, batch="N"), xs), expected)
