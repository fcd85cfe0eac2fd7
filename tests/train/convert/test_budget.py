"""Forms of layers, their costs and errors, and the choice among them."""

import itertools

import numpy as np
import pytest
from keras import layers

from lcnn_train.convert.budget import Layer, Option, costs, for_budget, options, sizes_of, within
from tests.train.convert.test_pruning import problem, weights


def option(cost, error):
    return Option(None, int(cost), None, cost, error)


LAYERS = [[option(1, 0.9), option(5, 0.2), option(10, 0.0)], [option(10, 0.5), option(50, 0.1), option(100, 0.0)]]


def test_the_cheapest_within_an_error():
    assert within(LAYERS[0], 0.3).cost == 5
    assert within(LAYERS[0], 0.1).cost == 10
    assert within([option(1, 0.9), option(2, 0.8)], 0.1).cost == 2


@pytest.mark.parametrize(("budget", "chosen"), [(110, (10, 100)), (60, (10, 50)), (20, (10, 10)), (11, (1, 10))])
def test_one_price_for_all(budget, chosen):
    assert tuple(found.cost for found in for_budget(LAYERS, budget)) == chosen


def test_a_budget_that_nothing_meets_gives_the_cheapest():
    assert [found.cost for found in for_budget(LAYERS, 3)] == [1, 10]


def of_a_layer(sizes=(None, 3, 6), **changes):
    W = weights(16, 24)
    return Layer(
        "one", W, 2, sizes, **({"groups_of": 1, "atoms_of": 1, "entry": 10, "atom": 120, "whole": 3840} | changes)
    )


def test_more_lookups_err_less():
    layer = of_a_layer()
    found = options(layer, problem(layer.W, 2))
    pruned = [each for each in found if each.dictionary is None]
    assert all(each.cost == 10 * each.count for each in pruned)
    assert pruned[0].error < 1e-3
    assert pruned[-1].count == 16
    errors = [each.error for each in pruned]
    assert all(more <= less + 0.02 for more, less in itertools.pairwise(errors))
    assert {each.dictionary for each in found} == {None, 3, 6}
    two = next(each for each in found if each.dictionary == 6 and each.per_tap == 2)
    assert two.cost == 2 * 2 * 16 * 10 + 6 * 120


def test_pairs_have_pairs_of_lookups():
    layer = of_a_layer(atoms_of=2, groups_of=4)
    assert all((each.per_tap or 2) % 2 == 0 for each in options(layer, problem(layer.W, 2)))


def test_costs_are_multiplications_or_lookups():
    layer = layers.Conv2D(8, 3, strides=2, padding="same")
    layer.build((None, 9, 9, 4))
    shapes = [((9, 9, 4), (5, 5, 8)), ((9, 9, 4), (5, 5, 8))]
    assert costs("multiplications", layer, shapes) == (50, 2 * 4 * 11 * 11, 50 * 3 * 3 * 4 * 8)
    assert costs("lookups", layer, shapes) == (1, 0, 3 * 3 * 4 * 8)
    dense = layers.Dense(8)
    dense.build((None, 4))
    assert costs("multiplications", dense, [((4,), (8,))]) == (1, 4, 32)
    with pytest.raises(ValueError, match=r"known height and width.*of=\"lookups\""):
        costs("multiplications", layer, [((None, 9, 4), (None, 5, 8))])


def test_dictionaries_are_smaller_than_the_layer():
    assert sizes_of(64, 128, 1) == (None, 8, 16, 32)
    assert sizes_of(1, 32, 9) == (None,)
    assert sizes_of(3, 32, 9) == (None, 1, 2)
    assert np.all([k is None or k < 6 for k in sizes_of(64, 6, 1)])
