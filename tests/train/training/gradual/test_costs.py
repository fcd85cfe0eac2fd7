"""What lookups and atoms cost is what the counting rule says."""

import keras
import numpy as np
import pytest

from lcnn_train import LookupConv2D, LookupDense
from lcnn_train.layers import sparsity
from lcnn_train.reports.cost import count
from lcnn_train.training.gradual.costs import LayerCost, cost_function


def test_multiplications_are_those_of_the_report():
    model = keras.Sequential(
        [
            keras.Input((9, 10, 3)),
            LookupConv2D(6, 3, 2, strides=2, padding="same", name="a"),
            LookupConv2D(5, 2, None, name="b"),
            keras.layers.Flatten(),
            LookupDense(4, 3, name="c"),
        ]
    )
    of = cost_function("multiplications")
    for row in count(model):
        layer = model.get_layer(row.name)
        cost = of(layer)
        atoms = 0 if layer.D is None else layer.atoms
        assert cost.entry * sparsity.lookups(layer) + cost.atom * atoms == row.multiplications
        assert cost.whole == row.dense


def test_lookups_are_entries():
    layer = LookupDense(4, 3)
    layer.build((None, 5))
    assert cost_function("lookups")(layer) == LayerCost(1, 0, 12)


def test_what_has_no_cost():
    layer = LookupConv2D(4, 3, 2, name="a")
    keras.Sequential([keras.Input((None, None, 1)), layer])
    with pytest.raises(ValueError, match="layer a: expected one input of a known height and width"):
        cost_function("multiplications")(layer)
    with pytest.raises(ValueError, match=r"of: expected lookups, multiplications or a function .* found 'ms'"):
        cost_function("ms")
    for values in ((0, 0, 1), (1, -1, 1), (1, 0, 0), (1, 0, np.inf)):
        with pytest.raises(ValueError, match="LayerCost: expected finite numbers"):
            LayerCost(*values)
