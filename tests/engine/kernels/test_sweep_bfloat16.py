"""Kernels of bfloat16 in every variant, those without instructions for it too, against the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lcnn_engine.plan import Plan
from tests.engine.kernels.test_sweep import KERNELS, STRIDES, geometry
from tests.helpers.kernel_cases import CONV_LANES, Network, check, edges, seeded


def swept(network: Network, **options: Any) -> None:
    """Rounded numbers within rounding, each node by its own inputs; numbers of few digits bit by bit."""
    names = [node.name for node in network.nodes]
    check(network, precision="bfloat16", outputs=names, **options)
    check(network, precision="bfloat16", exact=True, **options)


def kernels_of(network: Network) -> set[str]:
    plan = Plan(network.graph(), network.tensors, precision="bfloat16")
    return {call.kernel for call in plan.calls}


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 17, 64])
@pytest.mark.parametrize("filters", [1, 7, *edges(CONV_LANES), 130])
def test_convolution_channels_and_filters(channels: int, filters: int) -> None:
    network = Network((5, 7, channels), seeded("bf16", channels, filters))
    network.add("conv2d", filters=filters, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="relu")
    assert {"pack_pairs", "conv_bf16"} <= kernels_of(network)
    swept(network)


@pytest.mark.parametrize("strides", STRIDES, ids=str)
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_convolution_geometry(kernel: tuple[int, int], strides: tuple[int, int]) -> None:
    place = geometry(("bf16",), kernel, strides)
    network = Network((*place.pop("size"), 3), seeded("bf16", kernel, strides), bias=False)
    network.add("conv2d", filters=6, kernel_size=kernel, **place)
    swept(network)


@pytest.mark.parametrize("pixels", range(1, 15))
def test_convolution_pixels(pixels: int) -> None:
    for shape in ((1, pixels, 6), (pixels, 1, 6)):
        network = Network(shape, seeded("bf16 pixels", shape))
        network.add("conv2d", filters=20, kernel_size=(1, 1))
        swept(network)


def test_a_convolution_in_several_passes_that_threads_share() -> None:
    network = Network((27, 27, 130), seeded("bf16 passes"))
    network.add("conv2d", filters=100, kernel_size=(5, 5), padding=(2, 2, 2, 2))
    swept(network)


def test_a_convolution_and_a_pool_behind_it() -> None:
    network = Network((29, 31, 3), seeded("bf16 pool"))
    network.add("conv2d", filters=24, kernel_size=(5, 5), strides=(2, 2), activation="relu")
    network.add("max_pool2d", pool_size=(3, 3), strides=(2, 2))
    check(network, precision="bfloat16")


def test_inputs_and_weights_of_zero() -> None:
    network = Network((6, 6, 5), seeded("bf16 zeros"))
    name = network.add("conv2d", filters=9, kernel_size=(3, 3))
    check(network, precision="bfloat16", zeros=1.0)
    network.tensors[f"{name}/kernel"][:] = 0
    check(network, precision="bfloat16")


def test_groups_stay_in_float32() -> None:
    network = Network((6, 6, 8), seeded("bf16 groups"))
    network.add("conv2d", filters=32, kernel_size=(3, 3), groups=2)
    assert "conv_bf16" not in kernels_of(network)
    check(network, precision="bfloat16")


@pytest.mark.parametrize("op", ["conv2d"])
def test_what_becomes_infinite_is_so_in_the_definition(op: str) -> None:
    """A value that bfloat16 has no number for, beside weights of either sign and none: infinities and NaN."""
    network = Network((4, 4, 2), seeded("bf16 far", op))
    network.add(op, filters=3, kernel_size=(1, 1))
    network.tensors[f"{op}_0/kernel"][1] = [[[0.0]], [[1.0]]]
    x = np.full((1, 4, 4, 2), 3.4e38, np.float32)
    x[..., 1] = 1
    from lcnn_engine.kernels import usable_variants
    from lcnn_engine.model import precision as precisions

    graph = network.graph()
    with np.errstate(invalid="ignore"):
        expected = precisions.evaluate("bfloat16", graph, network.tensors, x[0])[graph.output]
    assert not np.isfinite(expected).all()
    for variant in usable_variants():
        out = np.empty((1, 4, 4, 3), np.float32)
        assert Plan(graph, network.tensors, variant=variant, precision="bfloat16").run(x, [out], 1)
        assert np.array_equal(out[0], expected, equal_nan=True)
