"""Whatever way of walking lookups the model of their cost chooses: every variant computes the same as the NumPy twin.

The other sweeps take the way that is cheapest for their sizes, which another processor, or a new model, may not. Below
is also which kernel a dense convolution gets; test_kernel_convolutions.py has both compute the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lcnn_engine.kernels import Program, choose_variant, usable_variants
from lcnn_engine.plan import Plan, lookups
from lcnn_engine.plan.tiling import LARGE_TILE, Tiling
from tests.helpers.kernel_cases import VARIANTS, Network, check, seeded

LARGEST = max(Program(variant).max_tile for variant in usable_variants())
TILES = [tile for tile in range(1, LARGEST + 1) if tile <= LARGE_TILE or tile % 2 == 0]


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What of a tiling is chosen here and not by the model: ``tile``, ``blocks``, ``grouped``."""
    wanted: dict[str, Any] = {}
    choose = lookups.choose_tiling

    def choose_ours(**layer: Any) -> Tiling:
        tile = min(wanted["tile"], layer["most"])
        shifts = layer["shifts"] if wanted["grouped"] else (0,)
        return replace(choose(**layer), tile=tile, blocks=wanted["blocks"], shifts=shifts)

    monkeypatch.setattr(lookups, "choose_tiling", choose_ours)
    return wanted


@pytest.mark.parametrize("grouped", [False, True], ids=["", "grouped"])
@pytest.mark.parametrize("blocks", [1, 2, 7])
@pytest.mark.parametrize("tile", TILES)
def test_every_tile_and_number_of_blocks(chosen: dict[str, Any], tile: int, blocks: int, grouped: bool) -> None:
    chosen.update(tile=tile, blocks=blocks, grouped=grouped)
    network = Network((23, 27, 4), seeded("choices", tile, blocks, grouped), k=9)
    network.add("lookup_conv2d", filters=7, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="relu")
    check(network)
    plan = Plan(network.graph(), network.tensors)
    kernel = next(step.kernel for step in plan.steps if step.kernel.startswith("lookup"))
    assert kernel.startswith(f"lookup {min(tile, Program(choose_variant()).max_tile)}x")
    assert (f"in {blocks} blocks" in kernel) is (blocks > 1)


@pytest.mark.parametrize("grouped", [False, True], ids=["", "grouped"])
@pytest.mark.parametrize("blocks", [1, 3])
@pytest.mark.parametrize("tile", [1, 5, LARGEST])
@pytest.mark.parametrize("strides", [(1, 2), (2, 2), (4, 4)], ids=str)
def test_strided_layers(
    chosen: dict[str, Any], strides: tuple[int, int], tile: int, blocks: int, grouped: bool
) -> None:
    """In phases of the stride, with dilation beside it, without a dictionary, and with a pool behind."""
    chosen.update(tile=tile, blocks=blocks, grouped=grouped)
    network = Network((41, 37, 3), seeded("strided", strides, tile, blocks, grouped), k=0)
    network.add("lookup_conv2d", filters=9, kernel_size=(5, 5), strides=strides, padding=(2, 1, 0, 2))
    network.k = 6
    network.add("lookup_conv2d", filters=8, kernel_size=(3, 2), dilation=(1, 2), padding=(1, 1, 1, 1))
    network.add("max_pool2d", pool_size=(2, 2), strides=(2, 2))
    check(network)


@pytest.mark.parametrize("filters", [16, 48, 700, 1600])
@pytest.mark.parametrize("places", [1, 2], ids=["one pixel", "four"])
def test_gathering_in_blocks(monkeypatch: pytest.MonkeyPatch, filters: int, places: int) -> None:
    """Several units, filters without a lookup in a block, and filters that leave lanes over: one block for those."""
    monkeypatch.setattr(lookups, "GATHER_FLOATS", 100)
    monkeypatch.setattr(lookups, "GATHER_LOOKUPS", 3)
    for k, activation in ((13, "relu"), (40, "linear")):
        network = Network((3 + places, 3 + places, 6), seeded("gather", filters, places, k), k=k, density=0.08)
        network.add("lookup_conv2d", filters=filters, kernel_size=(4, 4), activation=activation)
        check(network)
        plan = Plan(network.graph(), network.tensors, variant="scalar")
        blocks = [step.kernel for step in plan.steps if step.kernel.startswith("lookup gather in")]
        assert len(blocks) == (filters % 4 == 0)


@pytest.mark.parametrize(
    ("shape", "filters", "size", "stride", "patches"),
    [
        ((224, 224, 3), 64, 7, 2, True),  # ResNet's first
        ((224, 224, 3), 64, 3, 1, True),  # VGG's
        ((56, 56, 64), 128, 1, 2, True),  # a shortcut
        ((56, 56, 64), 64, 3, 1, False),  # windows of 576 values
        ((56, 56, 8), 16, 3, 1, False),  # few filters use what was brought together
        ((14, 14, 64), 64, 1, 1, False),  # short rows
    ],
)
def test_the_kernel_of_a_convolution(
    shape: tuple[int, int, int], filters: int, size: int, stride: int, patches: bool
) -> None:
    network = Network(shape, seeded("choice"))
    padding = (size // 2,) * 4
    network.add("conv2d", filters=filters, kernel_size=(size, size), strides=(stride, stride), padding=padding)
    for variant in VARIANTS:
        plan = Plan(network.graph(), network.tensors, variant=variant)
        assert [step.kernel == "conv patches" for step in plan.steps if step.op == "conv2d"] == [patches]
