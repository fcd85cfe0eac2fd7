"""Sums of so many numbers that one after the other in float32 would lose digits: large maps, windows and vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lcnn_engine.model.graph import AvgPool2D, GlobalAvgPool2D, Graph, Node
from lcnn_engine.plan import Plan
from tests.helpers.kernel_cases import VARIANTS, Network, check, seeded
from tests.helpers.networks import chain

TOLERANCE = 1e-5


def run(graph: Graph, variant: str, images: np.ndarray, threads: int) -> np.ndarray:
    results = np.empty((len(images), *graph.shapes[graph.output]), np.float32)
    assert Plan(graph, {}, variant=variant).run(images, [results], threads)
    return results


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("offset", [0.1, 1000.1])
@pytest.mark.parametrize("size", [512, 1500])
@pytest.mark.parametrize("op", ["global pool", "window"])
def test_means_of_large_maps(op: str, size: int, offset: float, variant: str) -> None:
    """Of one value, where each rounding is to the same side, and of values around it."""
    window = AvgPool2D(name="pool", inputs=("image",), pool_size=(size, size))
    node: Node = window if op == "window" else GlobalAvgPool2D(name="pool", inputs=("image",))
    graph = chain([node], (size, size, 1))
    same = np.full((1, size, size, 1), offset, np.float32)
    images = np.concatenate([same, same + seeded(op, size).random(same.shape, np.float32)])
    found = run(graph, variant, images, 1)
    wanted = images.mean(axis=(1, 2), dtype=np.float64).reshape(found.shape)
    np.testing.assert_allclose(found, wanted, rtol=TOLERANCE)
    assert run(graph, variant, images, 2).tobytes() == found.tobytes()
    assert run(graph, variant, images[1:], 2).tobytes() == found[1:].tobytes()


@pytest.mark.parametrize(
    "attributes",
    [
        {"pool_size": (300, 3), "strides": (1, 1)}, {"pool_size": (300, 3), "strides": (2, 2)},
        {"pool_size": (300, 2), "strides": (2, 2)}, {"pool_size": (129, 7)},
        {"pool_size": (65, 200), "strides": (9, 5)},
        {"pool_size": (300, 300), "strides": (7, 7), "padding": (100, 50, 20, 30)},
    ],
    ids=str,
)  # fmt: skip
def test_means_of_large_windows(attributes: dict[str, Any]) -> None:
    network = Network((310, 305, 2), seeded("windows", attributes))
    network.add("avg_pool2d", **attributes)
    check(network)


@pytest.mark.parametrize("bordered", [False, True])
def test_global_means_of_rows_with_and_without_a_border(bordered: bool) -> None:
    for shape in ((300, 41, 3), (3, 4200, 2), (2, 17000, 1)):
        network = Network(shape, seeded("rows", shape, bordered))
        outputs = []
        if bordered:
            outputs.append(network.add("conv2d", filters=1, kernel_size=(3, 3), padding=(1, 1, 1, 1)))
        outputs.append(network.add("global_avg_pool2d", "image"))
        check(network, outputs=outputs)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("classes", [1000, 100_000, 1_000_000])
def test_softmax_of_many_classes(classes: int, variant: str) -> None:
    network = Network((1, 1, classes), seeded("softmax", classes))
    network.add("softmax")
    x = np.full((1, 1, 1, classes), -0.1, np.float32)
    x[..., 0] = 0
    e = np.exp(x.astype(np.float64))
    np.testing.assert_allclose(run(network.graph(), variant, x, 1), e / e.sum(), rtol=TOLERANCE)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("channels", [100, 1000])
def test_convolutions_of_numbers_that_are_all_alike(channels: int, variant: str) -> None:
    """Every rounding of such a sum is to the same side."""
    network = Network((5, 6, channels), seeded("alike", channels))
    network.add("conv2d", filters=4, kernel_size=(5, 5))
    network.tensors["conv2d_0/kernel"][:] = 0.1
    images = np.full((1, 5, 6, channels), 0.7, np.float32)
    found = np.empty((1, 1, 2, 4), np.float32)
    assert Plan(network.graph(), network.tensors, variant=variant).run(images, [found], 1)
    exact = 25 * channels * float(np.float32(0.1)) * float(np.float32(0.7)) + network.tensors["conv2d_0/bias"]
    np.testing.assert_allclose(found[0, 0], np.stack([exact, exact]), rtol=TOLERANCE)
