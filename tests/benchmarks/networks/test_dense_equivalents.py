"""A lookup network's dense relatives: of random kernels, and the very function that it computes."""

from __future__ import annotations

import numpy as np

from benchmarks.networks import workloads
from benchmarks.networks.builder import NetBuilder
from benchmarks.networks.dense_equivalents import random_dense_equivalent
from lcnn_engine.interop.dense import dense_equivalent, dense_kernel
from lcnn_engine.model import graph as g
from lcnn_engine.model.reference import evaluate
from tests.helpers.one_operation import assert_close


def test_random_dense_equivalent_has_the_shapes_and_no_lookups() -> None:
    graph, tensors = workloads.small_lookup()
    dense, weights = random_dense_equivalent(graph, tensors)
    assert dense.shapes == graph.shapes
    assert [node.op for node in dense.nodes if node.name in ("conv1", "conv2", "fc3")] == ["conv2d", "conv2d", "dense"]
    assert np.count_nonzero(weights["conv2/kernel"]) == weights["conv2/kernel"].size
    assert weights["logits/kernel"] is tensors["logits/kernel"]
    again = random_dense_equivalent(graph, tensors)[1]
    assert np.array_equal(weights["conv2/kernel"], again["conv2/kernel"])


def test_kernel_of_a_lookup_layer_by_hand() -> None:
    """Two filters, two atoms of three channels, a 1x2 kernel: W[o, :, r, c] = sum of C * D[I]."""
    node = g.LookupConv2D(name="op", inputs=("image",), filters=2, kernel_size=(1, 2))
    tensors = {
        "op/dictionary": np.array([[1, 2, 3], [10, 20, 30]], np.float32),
        "op/indptr": np.array([0, 3, 3], np.int32),
        "op/indices": np.array([0, 1, 3], np.int32),  # (r*kw + c)*k + d
        "op/coefficients": np.array([2, 1, -1], np.float32),
    }
    kernel = dense_kernel(node, tensors, channels=3)
    assert kernel.shape == (2, 3, 1, 2)
    assert kernel[0, :, 0, 0].tolist() == [12, 24, 36]
    assert kernel[0, :, 0, 1].tolist() == [-10, -20, -30]
    assert not kernel[1].any()


def test_written_out_layers_compute_the_same() -> None:
    net = NetBuilder("two layers", (7, 9, 4), seed=3)
    net.lookup_conv("conv", 8, 3, 2, 1, atoms=5, density=0.2)
    net.add("flatten", "flat")
    net.lookup_dense("last", 6, atoms=7, density=0.2)
    graph, tensors = net.finish()
    dense_graph, dense_tensors = dense_equivalent(graph, tensors)
    assert [node.op for node in dense_graph.nodes] == ["conv2d", "flatten", "dense"]
    assert set(dense_tensors) == {"conv/kernel", "conv/bias", "last/kernel", "last/bias"}
    x = np.random.default_rng(8).standard_normal(graph.input.shape, dtype=np.float32)
    expected, found = evaluate(graph, tensors, x), evaluate(dense_graph, dense_tensors, x)
    for name in ("conv", "last"):
        assert_close(found[name], expected[name])
