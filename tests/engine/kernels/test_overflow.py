"""A number that becomes too large inside: what the reference, and Keras, make of it, in every variant."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lcnn_engine.model import reference
from lcnn_engine.model.graph import ACTIVATIONS
from lcnn_engine.plan import Plan
from tests.helpers.kernel_cases import POSITIVE, VARIANTS, Network, seeded, with_alpha

POOLS = [((3, 3), (2, 2)), ((2, 2), (2, 2)), ((3, 3), (1, 1)), ((5, 4), (1, 1)), ((5, 5), (4, 4)), ((2, 3), (3, 3))]


def with_nan(shape: tuple[int, int, int], *key: object) -> Network:
    """A network whose last value is not a number wherever the image is huge: infinity less infinity."""
    network = Network(shape, seeded("overflow", shape, *key))
    for name, scale in (("up", 10), ("down", -9)):
        network.add("batch_norm", "image", name=name)
        network.tensors[f"{name}/scale"][:] = scale
    network.add("add", "up", "down", name="sum")
    return network


def check(network: Network, huge: float = 0.01) -> None:
    """The same values are not a number in every variant as in the reference; the others agree."""
    image = network.rng.standard_normal(network.shape).astype(np.float32)
    image[network.rng.random(network.shape) < huge] = 3e38
    image[-1, -1, 0] = 3e38
    graph = network.graph()
    with np.errstate(invalid="ignore", over="ignore"):
        wanted = reference.evaluate(graph, network.tensors, image)[graph.output]
    assert np.isnan(wanted).any()
    for variant in VARIANTS:
        found = np.empty((1, *wanted.shape), np.float32)
        assert Plan(graph, network.tensors, variant=variant).run(image[None], [found], 1)
        np.testing.assert_array_equal(np.isnan(found[0]), np.isnan(wanted), err_msg=variant)
        np.testing.assert_allclose(found[0], wanted, rtol=1e-4, atol=1e-4, err_msg=variant)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation: str) -> None:
    network = with_nan((9, 13, 3), activation)
    network.add("activation", **with_alpha(activation))
    check(network)


@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name not in POSITIVE])
@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("conv2d", {"filters": 9, "kernel_size": (3, 3)}),
        ("lookup_conv2d", {"filters": 9, "kernel_size": (3, 3), "padding": (1, 1, 1, 1)}),
        ("lookup_conv2d", {"filters": 9, "kernel_size": (3, 3)}),
    ],
    ids=["conv2d", "lookup_conv2d with a border", "lookup_conv2d"],
)
def test_activations_inside_convolutions(op: str, attributes: dict[str, Any], activation: str) -> None:
    network = with_nan((20, 33, 3), op, activation)
    network.add(op, **attributes, **with_alpha(activation))
    check(network, huge=0.001)


@pytest.mark.parametrize(("pool", "strides"), POOLS, ids=str)
@pytest.mark.parametrize("op", ["max_pool2d", "avg_pool2d"])
def test_pools(op: str, pool: tuple[int, int], strides: tuple[int, int]) -> None:
    for shape in ((11, 13, 3), (40, 75, 2)):
        network = with_nan(shape, op, pool, strides)
        network.add(op, pool_size=pool, strides=strides, padding=(1, 0, 1, 1))
        check(network)


@pytest.mark.parametrize("op", ["global_max_pool2d", "global_avg_pool2d", "softmax", "flatten"])
def test_reductions(op: str) -> None:
    for shape in ((1, 1, 3), (1, 3, 2), (3, 5, 40), (16, 17, 5)):
        network = with_nan(shape, op)
        network.add(op)
        check(network, huge=0.0)
        if op == "flatten":
            network.add("dense", units=7, activation="relu")
            check(network, huge=0.0)
            network.add("softmax")
            check(network, huge=0.0)
