"""Whatever way of walking lookups the model of their cost chooses: every variant computes the same as the reference.

The other sweeps take the way that is cheapest for their sizes, which another processor, or a new model, may not.
"""

from __future__ import annotations

from typing import Any

import pytest

from lcnn_engine.kernels import capabilities, choose_variant, usable_variants
from lcnn_engine.plan import Plan
from lcnn_engine.plan.fields import Lookup
from lcnn_engine.plan.lower import lookups
from lcnn_engine.plan.machine import Machine
from lcnn_engine.plan.tiling import LARGE_TILE, Tiling
from tests.helpers.kernel_cases import Network, check, seeded

MAX_TILE = max(capabilities(variant).max_tile for variant in usable_variants())
TILES = [tile for tile in range(1, MAX_TILE + 1) if tile <= LARGE_TILE or tile % 2 == 0]


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What of a tiling is chosen here and not by the model: ``tile``, ``blocks``, ``aligned``."""
    wanted: dict[str, Any] = {}
    choose = lookups.choose_tiling

    def choose_ours(machine: Machine, **layer: Any) -> Tiling:
        tile = min(wanted["tile"], layer["max_tile"])
        shifts = layer["shifts"] if wanted["aligned"] else (0,)
        return choose(machine, **layer)._replace(tile=tile, blocks=wanted["blocks"], shifts=shifts)

    monkeypatch.setattr(lookups, "choose_tiling", choose_ours)
    return wanted


@pytest.mark.parametrize("aligned", [False, True], ids=["", "aligned"])
@pytest.mark.parametrize("blocks", [1, 2, 7])
@pytest.mark.parametrize("tile", TILES)
def test_every_tile_and_number_of_blocks(chosen: dict[str, Any], tile: int, blocks: int, aligned: bool) -> None:
    chosen.update(tile=tile, blocks=blocks, aligned=aligned)
    network = Network((23, 27, 4), seeded("choices", tile, blocks, aligned), k=9)
    network.add("lookup_conv2d", filters=7, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="relu")
    check(network)
    plan = Plan(network.graph(), network.tensors, multiplied=())
    fields = next(call.fields for call in plan.calls if call.kernel == "lookup_tile")
    assert isinstance(fields, Lookup)
    assert fields.tile == min(tile, capabilities(choose_variant()).max_tile)
    assert fields.blocks == blocks


@pytest.mark.parametrize("aligned", [False, True], ids=["", "aligned"])
@pytest.mark.parametrize("blocks", [1, 3])
@pytest.mark.parametrize("tile", [1, 5, MAX_TILE])
@pytest.mark.parametrize("strides", [(1, 2), (2, 2), (4, 4)], ids=str)
def test_strided_layers(
    chosen: dict[str, Any], strides: tuple[int, int], tile: int, blocks: int, aligned: bool
) -> None:
    """In phases of the stride, with dilation beside it, without a dictionary, and with a pool behind."""
    chosen.update(tile=tile, blocks=blocks, aligned=aligned)
    network = Network((41, 37, 3), seeded("strided", strides, tile, blocks, aligned), k=0)
    network.add("lookup_conv2d", filters=9, kernel_size=(5, 5), strides=strides, padding=(2, 1, 0, 2))
    network.k = 6
    network.add("lookup_conv2d", filters=8, kernel_size=(3, 2), dilation=(1, 2), padding=(1, 1, 1, 1))
    network.add("max_pool2d", pool_size=(2, 2), strides=(2, 2))
    check(network)


@pytest.mark.parametrize("filters", [16, 48, 700, 1600])
@pytest.mark.parametrize("positions", [1, 2], ids=["one pixel", "four"])
def test_gathering_in_blocks(filters: int, positions: int) -> None:
    """Several units, filters without a lookup in a block, and filters that leave lanes over: one block for those."""
    machine = Machine(gather_floats=100, gather_block_lookups=3)
    for k, activation in ((13, "relu"), (40, "linear")):
        network = Network((3 + positions, 3 + positions, 6), seeded("gather", filters, positions, k), k=k, density=0.08)
        network.add("lookup_conv2d", filters=filters, kernel_size=(4, 4), activation=activation)
        check(network, machine=machine)
        plan = Plan(network.graph(), network.tensors, variant="scalar", machine=machine, multiplied=())
        fields = next(call.fields for call in plan.calls if call.kernel == "lookup_gather")
        assert isinstance(fields, Lookup)
        assert (fields.blocks > 1) is (filters % 4 == 0)


@pytest.mark.parametrize("mask_pixels", [1, 10**6])
def test_results_larger_than_a_mask_are_stored_row_by_row(mask_pixels: int) -> None:
    network = Network((23, 27, 4), seeded("mask", mask_pixels), k=9)
    network.add("lookup_conv2d", filters=7, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="relu")
    network.add("lookup_conv2d", filters=5, kernel_size=(3, 3), padding=(1, 1, 1, 1))
    machine = Machine(mask_pixels=mask_pixels)
    check(network, machine=machine)
    calls = Plan(network.graph(), network.tensors, machine=machine, multiplied=()).calls
    masks = [call.fields.mask for call in calls if isinstance(call.fields, Lookup)]
    assert any(mask is not None for mask in masks) is (mask_pixels > 1)
