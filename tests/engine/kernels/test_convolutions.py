"""Both kernels of dense convolutions, each for every shape, whichever the plan would choose for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lcnn_engine.kernels import capabilities
from lcnn_engine.plan import Plan, StepKind
from lcnn_engine.plan.machine import Machine
from tests.engine.kernels.test_sweep import KERNELS, STRIDES, geometry
from tests.helpers.kernel_cases import CONV_LANES, VARIANTS, WIDTHS, Network, check, edges, seeded

PATCH_FILTERS = sorted({capabilities(variant).patch_filters for variant in VARIANTS})
PATCH_PIXELS = sorted({capabilities(variant).patch_pixels for variant in VARIANTS})


@pytest.fixture(params=[StepKind.CONV, StepKind.CONV_PATCHES], ids=["conv", "conv patches"])
def machine(request: pytest.FixtureRequest) -> Machine:
    """A machine for which all convolutions of a test take one kernel."""
    floats = 10**9 if request.param is StepKind.CONV_PATCHES else 0
    machine = Machine(
        patch_width=1, patch_floats=floats, patch_values=10**9, patch_run_bytes=floats, winograd_channels=10**9
    )
    network = Network((3, 3, 2), seeded("kernel"))
    network.add("conv2d", filters=20, kernel_size=(2, 2))
    plan = Plan(network.graph(), network.tensors, machine=machine)
    assert [step.kind for step in plan.steps if step.op == "conv2d"] == [request.param]
    return machine


@pytest.mark.parametrize("strides", STRIDES, ids=str)
@pytest.mark.parametrize("size", KERNELS, ids=str)
def test_geometry(machine: Machine, size: tuple[int, int], strides: tuple[int, int]) -> None:
    for draw in range(3):
        place = geometry(("convolutions", draw), size, strides)
        network = Network((*place.pop("size"), 3), seeded("convolutions", draw, size, strides), bias=draw != 1)
        if draw == 0:  # read a value with a border instead of the caller's input
            network.add("batch_norm")
        network.add("conv2d", filters=4, kernel_size=size, **place)
        check(network, machine=machine)


@pytest.mark.parametrize("filters", edges({*WIDTHS, *PATCH_FILTERS, *CONV_LANES, *(2 * n for n in CONV_LANES)}))
def test_filters(machine: Machine, filters: int) -> None:
    network = Network((4, 5, 3), seeded("conv filters", filters))
    network.add("conv2d", filters=filters, kernel_size=(3, 3), padding=(1, 0, 0, 1), activation="relu")
    check(network, machine=machine)


@pytest.mark.parametrize("size", [(1, 5), (1, 6), (1, 7), (7, 17), (10, 12), (11, 11), (1, 241), (240, 1), (19, 19)])
def test_pixels(machine: Machine, size: tuple[int, int]) -> None:
    network = Network((*size, 3), seeded("conv pixels", size))
    network.add("conv2d", filters=20, kernel_size=(1, 1))
    check(network, machine=machine)


@pytest.mark.parametrize("width", edges({*WIDTHS, *PATCH_PIXELS, *(2 * n for n in PATCH_PIXELS)}))
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_rows_around_a_tile(machine: Machine, width: int, stride: int) -> None:
    """Rows that touch, and rows with a border between."""
    network = Network((5, stride * width, 2), seeded("conv rows", width, stride))
    network.add("conv2d", filters=9, kernel_size=(2, 3), padding=(0, 0, 1, 1), strides=(1, stride), activation="tanh")
    network.add("conv2d", filters=7, kernel_size=(3, 3), padding=(1, 1, 1, 1))
    check(network, machine=machine)


@pytest.mark.parametrize("channels", [1, 2, 113, 114, 300, 1100])
def test_weights_that_need_several_passes(machine: Machine, channels: int) -> None:
    network = Network((5, 6, channels), seeded("passes", channels))
    network.add("conv2d", filters=70, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="relu")
    check(network, machine=machine)


@pytest.mark.parametrize("groups", [1, 2, 3, 8, 24])
@pytest.mark.parametrize("each", [1, 2, 3, 5, 17])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_groups_and_depthwise(machine: Machine, groups: int, each: int, strides: tuple[int, int]) -> None:
    network = Network((9, 8, 24), seeded("groups", groups, each, strides))
    network.add(
        "conv2d", filters=groups * each, kernel_size=(3, 3), padding=(1, 1, 1, 1), groups=groups, strides=strides
    )
    check(network, machine=machine)


@pytest.mark.parametrize("pool", ["max_pool2d", "avg_pool2d"])
@pytest.mark.parametrize("size", [(61, 47), (30, 16)])
def test_a_pool_behind(machine: Machine, size: tuple[int, int], pool: str) -> None:
    """By bands of rows."""
    machine = replace(machine, band_bytes=16 * 1024)
    network = Network((*size, 3), seeded("conv pool", size, pool))
    network.add("conv2d", filters=20, kernel_size=(7, 7), strides=(2, 2), padding=(3, 3, 3, 3), activation="relu")
    network.add(pool, pool_size=(3, 3), strides=(2, 2), padding=(1, 1, 1, 1))
    check(network, machine=machine)
