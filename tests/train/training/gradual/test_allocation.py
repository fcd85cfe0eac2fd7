"""The lookups that are kept are those worth most for what they cost."""

from itertools import product

import numpy as np
import pytest

from lcnn_train.training.gradual.allocation import Stock, allocate, largest

RNG = np.random.default_rng(0)


def stock(taps=2, atoms=3, groups=4, **options):
    energy = RNG.random((taps, atoms, groups))
    given = {"available": np.ones(energy.shape, bool), "counts": np.full((atoms, groups), 2), "atoms": np.ones(atoms)}
    return Stock(energy, **{**given, "entry": 1.0, **options})


def total(stocks, masks):
    return sum(one.cost(mask) for one, mask in zip(stocks, masks, strict=True))


def test_one_price_for_two_layers():
    """As by sorting all blocks by energy for cost, and taking them while they fit."""
    stocks = [stock(), stock(entry=7.0)]
    ratios = np.concatenate([(one.energy / (one.entry * one.counts)).ravel() for one in stocks])
    costs = np.concatenate([np.full(one.energy.size, one.entry * 2) for one in stocks])
    order = np.argsort(-ratios)
    for budget in (1.0, 30.0, 100.0, 200.0, 1e9):
        count = int((np.cumsum(costs[order]) <= budget).sum())
        expected = np.zeros(len(ratios), bool)
        expected[order[:count]] = True
        masks = allocate(stocks, budget)
        np.testing.assert_array_equal(np.concatenate([mask.ravel() for mask in masks]), expected)
        assert total(stocks, masks) <= budget


def test_blocks_of_other_sizes_cost_what_they_have():
    one = stock(counts=np.array([[2, 2, 2, 1]] * 3))
    for budget in (3.0, 10.0, 20.0):
        (mask,) = allocate([one], budget)
        assert one.cost(mask) == (mask * one.counts).sum() <= budget


def test_what_is_not_available_is_never_kept_and_what_is_fixed_always():
    available = RNG.random((2, 3, 4)) < 0.5
    fixed = largest(np.ones((2, 3, 4)), available, 2)
    one = stock(available=available, fixed=fixed)
    assert (allocate([one], 1e9)[0] == available).all()
    assert (allocate([one], 0.0)[0] == fixed).all()
    assert fixed.sum() == 2


def test_atoms_that_are_not_worth_their_row_go():
    """Of all sets of blocks none of at most the same cost is worth more: by trying all."""
    one = stock(taps=1, atoms=3, groups=3, counts=np.ones((3, 3), int), atom=2.0, shrinks=True)
    masks = [np.array(bits, bool).reshape(1, 3, 3) for bits in product([0, 1], repeat=9)]
    costs, worths = zip(*((one.cost(mask), one.energy[mask].sum()) for mask in masks), strict=True)
    for budget in (4.0, 7.0, 11.0, 14.0):
        (mask,) = allocate([one], budget)
        cost = one.cost(mask)
        assert cost <= budget
        best = max(worth for c, worth in zip(costs, worths, strict=True) if c <= cost)
        assert one.energy[mask].sum() == pytest.approx(best)


def test_the_cost_of_atoms_that_are_kept_is_there_without_lookups():
    one = stock(atom=5.0)
    nothing = np.zeros((2, 3, 4), bool)
    assert one.cost(nothing) == 15
    assert Stock(**{**vars(one), "shrinks": True}).cost(nothing) == 0


def test_the_largest_of_one_atom():
    energy = np.arange(12.0).reshape(2, 3, 2)
    mask = largest(energy, energy != 11, 2)
    assert sorted(energy[mask]) == [9, 10]
    mask = largest(energy, energy > -1, 3, of_one_atom=True)
    assert sorted(energy[mask]) == [5, 10, 11]
    assert largest(energy, energy == 4, 3).sum() == 1
