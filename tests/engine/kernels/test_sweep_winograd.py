"""3x3 convolutions by windows of 4 x 4, in every variant against the reference: results around those windows, vectors
of them and units of them, channels and filters around the lanes, long sums."""

from __future__ import annotations

from typing import Any

import pytest

from lcnn_engine.plan import Plan
from lcnn_engine.plan.machine import Machine
from tests.helpers.kernel_cases import CONV_LANES, VARIANTS, WIDTHS, Network, check, edges, seeded, with_alpha

ALL = Machine(winograd_channels=1, winograd_side=1)


def by_windows(shape: tuple[int, int, int], *seed: object, machine: Machine = ALL, **attributes: Any) -> None:
    """Check such a convolution, whose input has a border and whose result is read by another one."""
    network = Network(shape, seeded("winograd", shape, *seed))
    network.add("batch_norm")
    options = {"filters": 20, "kernel_size": (3, 3), "padding": (1, 1, 1, 1), **attributes}
    network.add("conv2d", **options)
    network.add("conv2d", filters=5, kernel_size=(3, 3), padding=(1, 1, 1, 1))
    for variant in VARIANTS:
        plan = Plan(network.graph(), network.tensors, variant=variant, machine=machine)
        assert [call.kernel for call in plan.calls].count("conv_winograd") == 2
    check(network, machine=machine)


@pytest.mark.parametrize("width", sorted({*range(1, 8), *edges(2 * w for w in WIDTHS)}))
@pytest.mark.parametrize("height", [1, 2, 3, 8])
def test_results_around_windows(height: int, width: int) -> None:
    by_windows((height, width, 3), "size", activation="relu")


@pytest.mark.parametrize("size", [(96, 2), (97, 1), (13, 13), (14, 15), (3, 97), (31, 33)])
@pytest.mark.parametrize("unit", [1, 48])
def test_units_of_windows(size: tuple[int, int], unit: int) -> None:
    by_windows((*size, 3), "unit", machine=Machine(winograd_channels=1, winograd_side=1, winograd_unit=unit))


@pytest.mark.parametrize("filters", edges({*WIDTHS, *CONV_LANES, *(2 * n for n in CONV_LANES)}))
def test_filters(filters: int) -> None:
    by_windows((5, 6, 3), "filters", filters, filters=filters)


@pytest.mark.parametrize("channels", [1, 2, 15, 16, 17, 300, 1024, 2500])
def test_channels(channels: int) -> None:
    by_windows((5, 6, channels), "channels", filters=9)


@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (2, 0, 0, 1), (0, 3, 2, 0), (0, 0, 0, 2)])
def test_padding(padding: tuple[int, int, int, int]) -> None:
    for size in ((7, 8), (8, 7)):
        by_windows((*size, 3), "padding", padding=padding)


@pytest.mark.parametrize("activation", ["linear", "relu", "relu6", "leaky_relu", "silu"])
def test_activations(activation: str) -> None:
    by_windows((6, 5, 4), activation, **with_alpha(activation))


def test_an_input_far_from_zero_keeps_its_digits() -> None:
    """Windows are differences: what they lose by it must stay within the bound of all kernels."""
    network = Network((20, 21, 64), seeded("winograd far"))
    network.raise_above_zero(network.add("batch_norm"))
    network.add("conv2d", filters=64, kernel_size=(3, 3), padding=(1, 1, 1, 1))
    check(network, machine=ALL)


def test_no_bias() -> None:
    network = Network((6, 6, 4), seeded("winograd bias"), bias=False)
    network.add("conv2d", filters=4, kernel_size=(3, 3))
    check(network, machine=ALL)
