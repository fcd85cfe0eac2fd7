"""How far what never changes goes: every operation, by hand and by the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lcnn_engine.model import reference
from lcnn_engine.model.graph import ACTIVATIONS
from lcnn_engine.plan.folding.constants import constants_of
from lcnn_engine.plan.folding.weights import weights_of
from tests.helpers.folding import empty
from tests.helpers.kernel_cases import Network, seeded, with_alpha

FIRST = {"filters": 5, "kernel_size": (3, 3), "padding": (1, 1, 1, 1)}


def known(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """The constants of the last node: which channels, and the numbers. They are held to two inputs."""
    graph = network.graph()
    weights = {
        node.name: one
        for node in graph.nodes
        if (one := weights_of(node, network.tensors, graph.shapes[node.inputs[0]][-1])) is not None
    }
    found = constants_of(graph, graph.nodes, network.tensors, weights)[graph.output]
    assert not found.values[~found.known].any()
    for _ in range(2):
        value = reference.evaluate(graph, network.tensors, network.rng.standard_normal(network.shape, np.float32))
        result = value[graph.output][..., found.known]
        np.testing.assert_allclose(result, np.broadcast_to(found.values[found.known], result.shape), rtol=1e-6)
    return np.flatnonzero(found.known), found.values[found.known]


def network_with(*filters: int, bias: list[float], **attributes: Any) -> Network:
    """One convolution of 5 filters, of which some are constants."""
    network = Network((6, 7, 3), seeded("constants", filters, attributes))
    network.add("conv2d", name="a", **FIRST | attributes)
    empty(network, "a", *filters, bias=bias)
    return network


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_in_a_layer_and_alone(activation: str) -> None:
    network = network_with(1, 3, bias=[-1.0, 2.0], **with_alpha(activation))
    in_layer = known(network)
    network = network_with(1, 3, bias=[-1.0, 2.0])
    network.add("activation", **with_alpha(activation))
    alone = known(network)
    assert in_layer[0].tolist() == alone[0].tolist() == ([3] if activation in ("sqrt", "log") else [1, 3])  # NaN of -1
    assert np.array_equal(in_layer[1], alone[1])


@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("max_pool2d", {"pool_size": (3, 3), "padding": (1, 1, 1, 1)}),
        ("avg_pool2d", {"pool_size": (2, 3), "strides": (2, 1), "padding": (1, 0, 2, 0)}),
        ("global_max_pool2d", {}),
        ("global_avg_pool2d", {}),
    ],
)
def test_pools_keep_them(op: str, attributes: dict[str, Any]) -> None:
    network = network_with(0, 4, bias=[0.5, -2.0])
    network.add(op, **attributes)
    places, values = known(network)
    assert places.tolist() == [0, 4]
    assert values.tolist() == [0.5, -2.0]


def test_a_border_that_becomes_a_part_of_the_value_ends_those_that_are_not_0() -> None:
    network = network_with(0, 4, bias=[0.5, 0.0])
    network.add("zero_pad2d", padding=(0, 0, 0, 0))
    assert known(network)[0].tolist() == [0, 4]
    network.add("zero_pad2d", padding=(1, 0, 0, 0))
    assert known(network)[0].tolist() == [4]


def test_flatten_and_concat_move_them() -> None:
    network = network_with(1, bias=[3.0])
    network.add("conv2d", "image", name="b", filters=2, kernel_size=(1, 1))
    empty(network, "b", 0, bias=-1.0)
    network.add("concat", "b", "a", "a")
    assert known(network)[0].tolist() == [0, 3, 8]
    network.add("flatten")
    places, values = known(network)
    assert places.tolist() == [12 * pixel + channel for pixel in range(42) for channel in (0, 3, 8)]
    assert values[:3].tolist() == [-1.0, 3.0, 3.0]


def test_batch_norm_scales_them_and_makes_some() -> None:
    network = network_with(1, 2, bias=[3.0, 1.0])
    network.add("batch_norm", name="norm")
    network.tensors["norm/scale"][[1, 4]] = [2.0, 0.0]
    network.tensors["norm/shift"][[1, 4]] = [-1.0, 0.25]
    places, values = known(network)
    assert places.tolist() == [1, 2, 4]
    assert values[[0, 2]].tolist() == [5.0, 0.25]


def test_sums_of_constants_are_constants_and_products_with_0() -> None:
    network = network_with(0, 1, 2, bias=[1.0, 2.0, 0.0])
    network.add("conv2d", "image", name="b", **FIRST)
    empty(network, "b", 1, 3, bias=[-3.0, 0.0])
    network.add("add", "a", "b", activation="relu")
    places, values = known(network)
    assert (places.tolist(), values.tolist()) == ([1], [0.0])
    network.add("multiply", "a", "b")
    places, values = known(network)
    assert (places.tolist(), values.tolist()) == ([1, 2, 3], [-6.0, 0.0, 0.0])
    network.add("add", network.nodes[-1].name, network.add("global_avg_pool2d", "a"))
    places, values = known(network)
    assert (places.tolist(), values.tolist()) == ([1, 2], [-4.0, 0.0])


@pytest.mark.parametrize(("padding", "expected"), [((0, 0, 0, 0), [0, 1, 3]), ((1, 1, 1, 1), [1, 3])])
def test_depthwise_convolutions(padding: tuple[int, ...], expected: list[int]) -> None:
    network = network_with(0, 1, bias=[1.0, 0.0])
    network.add("conv2d", name="d", filters=5, groups=5, kernel_size=(3, 3), padding=padding)
    empty(network, "d", 3, bias=-1.0)
    assert known(network)[0].tolist() == expected


@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("softmax", {}),
        ("lrn", {"depth_radius": 1, "bias": 1.0, "alpha": 0.1, "beta": 0.75}),
        ("conv2d", {"filters": 10, "groups": 5, "kernel_size": (1, 1)}),
    ],
)
def test_other_operations_end_them(op: str, attributes: dict[str, Any]) -> None:
    network = network_with(0, 1, 2, 3, 4, bias=[1.0, 2.0, 0.0, 4.0, 5.0])
    network.add(op, **attributes)
    assert known(network)[0].tolist() == []


def test_what_is_not_finite_is_none() -> None:
    network = network_with(0, 1, bias=[3e38, 1.0])
    network.add("add", "a", "a")
    assert known(network)[0].tolist() == [1]
