"""What the precisions beside float32 compute, layer by layer."""

from __future__ import annotations

import numpy as np

from lcnn_engine.model import precision, reference
from lcnn_engine.model.bfloat16 import round_to_bfloat16
from tests.helpers.kernel_cases import Network, seeded


def convolution(groups: int = 1) -> Network:
    network = Network((5, 6, 4), seeded("defined", groups))
    network.add("conv2d", filters=8, kernel_size=(3, 3), groups=groups, activation="relu")
    return network


def result_of(network: Network, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The definition's, and the reference's."""
    node, tensors = network.nodes[-1], reference.tensors_by_node(network.tensors)[network.nodes[-1].name]
    return precision.apply("bfloat16", node, [x], tensors), reference.apply(node, [x], tensors)


def test_a_convolution_rounds_its_input_and_its_kernel() -> None:
    network = convolution()
    x = network.rng.standard_normal(network.shape).astype(np.float32)
    found, plain = result_of(network, x)
    network.tensors["conv2d_0/kernel"] = round_to_bfloat16(network.tensors["conv2d_0/kernel"])
    assert np.array_equal(found, result_of(network, round_to_bfloat16(x))[1])
    assert 0 < np.abs(found - plain).max() < 0.05 * np.abs(plain).max()


def test_groups_and_weights_that_overflow_are_float32s() -> None:
    far = convolution()
    far.tensors["conv2d_0/kernel"][0, 0, 0, 0] = 3.4e38
    for network in (convolution(2), far):
        x = network.rng.standard_normal(network.shape).astype(np.float32)
        found, plain = result_of(network, x)
        assert np.array_equal(found, plain)
