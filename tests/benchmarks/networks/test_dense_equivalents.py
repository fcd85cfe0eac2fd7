"""The dense network of random kernels that a lookup network is compared with."""

from __future__ import annotations

import numpy as np

from benchmarks.networks import workloads
from benchmarks.networks.dense_equivalents import random_dense_equivalent


def test_random_dense_equivalent_has_the_shapes_and_no_lookups() -> None:
    graph, tensors = workloads.small_lookup()
    dense, weights = random_dense_equivalent(graph, tensors)
    assert dense.shapes == graph.shapes
    assert [node.op for node in dense.nodes if node.name in ("conv1", "conv2", "fc3")] == ["conv2d", "conv2d", "dense"]
    assert np.count_nonzero(weights["conv2/kernel"]) == weights["conv2/kernel"].size
    assert weights["logits/kernel"] is tensors["logits/kernel"]
    again = random_dense_equivalent(graph, tensors)[1]
    assert np.array_equal(weights["conv2/kernel"], again["conv2/kernel"])
