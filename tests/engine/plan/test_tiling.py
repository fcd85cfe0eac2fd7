"""How lookups are walked, by the model of their cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lcnn_engine.plan.machine import LookupCosts, Machine
from lcnn_engine.plan.tiling import LARGE_TILE, Tiling, alignments_of, choose_tiling, registers_of


def tiling(machine: Machine | None = None, shifts: tuple[int, ...] = (5, 3, 0), **changed: int) -> Tiling:
    layer = {"pixels": 3200, "filters": 64, "lookups": 64 * 20, "planes": 60, "halo": 40, "width": 16, "max_tile": 26}
    return choose_tiling(machine or Machine(), shifts=shifts, **(layer | changed))


def test_a_tiling_is_one_that_kernels_have() -> None:
    for pixels in range(1, 1920, 48):
        found = tiling(pixels=pixels)
        assert 1 <= found.tile <= 26
        assert found.tile <= LARGE_TILE or found.tile % 2 == 0
        assert found.shifts in ((0,), (5, 3, 0))
        assert found.nanoseconds > 0


def test_a_large_s_is_cut_into_blocks_and_a_small_one_is_not() -> None:
    assert tiling(planes=4).blocks == 1
    assert tiling(planes=20_000, lookups=64 * 400).blocks > 1
    assert tiling(Machine(tile_block_lookups=10**6), planes=20_000, lookups=64 * 400).blocks == 1


def test_the_costs_of_the_machine_decide() -> None:
    free, dear = (Machine(costs=replace(LookupCosts(), move=move)) for move in (0.0, 100.0))
    assert tiling(free).shifts == (5, 3, 0)
    assert tiling(dear).shifts == (0,)


def test_of_any_number_of_pixels_it_is_chosen_at_once() -> None:
    for pixels in range(2**60, 2**60 + 60):
        assert 1 <= tiling(pixels=pixels).tile <= 26


def test_alignments_are_the_lanes_that_lookups_begin_at() -> None:
    assert alignments_of(np.array([0, 16, 35]), (16, 8)) == (3, 0)
    assert alignments_of(np.array([1, 9, 2, 10]), (16, 8)) == (2, 1, 0)
    assert alignments_of(np.array([], int), (16, 8)) == (0,)


def test_a_register_more_takes_what_leaves_a_tile() -> None:
    assert registers_of(4, 1, shift=0, left=0) == 4
    assert registers_of(4, 1, shift=2, left=1) == 5
    assert registers_of(4, 1, shift=2, left=2) == 4
    assert registers_of(4, 2, shift=2, left=2) == 4.5
    assert tiling(pixels=222, shifts=(2, 1, 0)).nanoseconds < tiling(pixels=223, shifts=(2, 1, 0)).nanoseconds
