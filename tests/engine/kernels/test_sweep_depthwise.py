"""Depthwise convolutions, in every variant against the reference: rows around a vector and half of one, heights around
the rows that are computed at once, the kernels with loops of their own and others, several filters of a channel."""

from __future__ import annotations

from typing import Any

import pytest

from lcnn_engine.plan import Plan
from lcnn_engine.plan.machine import Machine
from tests.engine.kernels.test_sweep import KERNELS, STRIDES, geometry
from tests.helpers.kernel_cases import VARIANTS, WIDTHS, Network, check, edges, seeded, with_alpha

OF_THEIR_OWN = [(size, stride) for size in (3, 5) for stride in (1, 2)]


def depthwise(shape: tuple[int, int, int], *seed: object, each: int = 1, **attributes: Any) -> Network:
    """A convolution whose filters read one channel, ``each`` of every one, with a border around what it reads."""
    network = Network(shape, seeded("depthwise", shape, *seed))
    network.add("batch_norm")
    network.add("conv2d", filters=shape[2] * each, groups=shape[2], **{"kernel_size": (3, 3), **attributes})
    return network


def kernels_of(network: Network, variant: str | None = None) -> list[str]:
    plan = Plan(network.graph(), network.tensors, variant=variant)
    return [call.kernel for call in plan.calls if call.kernel.startswith(("conv", "lookup"))]


def square(size: int, stride: int, **attributes: Any) -> dict[str, Any]:
    return {"kernel_size": (size, size), "strides": (stride, stride), "padding": (size // 2,) * 4, **attributes}


@pytest.mark.parametrize("width", edges({*WIDTHS, *(w // 2 for w in WIDTHS), *(2 * w for w in WIDTHS)}))
@pytest.mark.parametrize(("size", "stride"), OF_THEIR_OWN)
def test_rows_around_a_vector(size: int, stride: int, width: int) -> None:
    network = depthwise((9, stride * width, 3), "row", size, stride, **square(size, stride), activation="relu")
    network.add("conv2d", filters=3, kernel_size=(3, 3), padding=(2, 1, 2, 1))  # the result has a border
    for variant in VARIANTS:
        assert kernels_of(network, variant)[0] == "conv_depthwise"
    check(network)


@pytest.mark.parametrize("height", [*range(1, 17), 21, 29])
@pytest.mark.parametrize(("size", "stride"), OF_THEIR_OWN)
def test_heights_around_the_rows_at_once(size: int, stride: int, height: int) -> None:
    for width in (5, 19):
        check(depthwise((stride * height, width, 2), "height", size, stride, **square(size, stride)))


@pytest.mark.parametrize("strides", STRIDES, ids=str)
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_geometry(kernel: tuple[int, int], strides: tuple[int, int]) -> None:
    for draw, each in enumerate((1, 2, 3)):
        place = geometry(("planes", draw), kernel, strides)
        size = place.pop("size")
        check(depthwise((*size, 3), draw, kernel, strides, each=each, kernel_size=kernel, **place))


@pytest.mark.parametrize("activation", ["linear", "relu", "relu6", "leaky_relu", "silu"])
def test_activations_and_a_pool_behind_them(activation: str) -> None:
    network = depthwise((19, 23, 6), activation, padding=(1, 1, 1, 1), **with_alpha(activation))
    network.add("max_pool2d", pool_size=(3, 3), strides=(2, 2))
    check(network, scale=5.0)
    check(network, machine=Machine(band_bytes=4096))


def test_the_image_of_the_caller_is_brought_into_planes() -> None:
    network = Network((12, 11, 4), seeded("depthwise image"), bias=False)
    network.add("conv2d", filters=4, groups=4, kernel_size=(3, 3), padding=(1, 0, 0, 1), strides=(2, 2))
    check(network)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_few_pixels_are_gathered(stride: int) -> None:
    network = depthwise((5, 5, 20), "few", kernel_size=(4, 4), strides=(stride, stride))
    assert kernels_of(network) == ["lookup_gather"]
    check(network)
