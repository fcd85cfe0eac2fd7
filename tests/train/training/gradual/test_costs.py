"""What lookups and atoms cost is what the counting rule says."""

import keras
import numpy as np
import pytest

from lcnn_train import LookupConv2D, LookupDense
from lcnn_train.convert.samples import shapes_of_calls
from lcnn_train.layers import sparsity
from lcnn_train.reports.cost import count
from lcnn_train.training.gradual.costs import LayerCost
from lcnn_train.training.gradual.pruner import GradualSettings, Pruner
from lcnn_train.training.gradual.units import cost_function


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


def test_multiplications_of_a_layer_are_those_of_its_calls():
    """In a model of any size inside, and called twice: sizes are those of the calls."""
    layer = LookupConv2D(6, 3, 2, padding="same", name="a")
    base = keras.Sequential([keras.Input((None, None, 3)), layer])
    image = keras.Input((9, 10, 3))
    small = keras.layers.MaxPooling2D(2)(image)
    model = keras.Model(image, [base(image, training=False), base(small)])
    cost = cost_function("multiplications", shapes_of_calls(model))(layer)
    pixels, padded = 9 * 10 + 4 * 5, 11 * 12 + 6 * 7
    assert cost == LayerCost(pixels, padded * 3, pixels * 9 * 3 * 6)
    once = keras.Model(image, base(image))
    assert Pruner(once, GradualSettings(0.5, 10)).costs == [LayerCost(90, 11 * 12 * 3, 90 * 9 * 3 * 6)]


def test_lookups_are_entries():
    layer = LookupDense(4, 3)
    layer.build((None, 5))
    assert cost_function("lookups")(layer) == LayerCost(1, 0, 12)


def test_what_has_no_cost():
    layer = LookupConv2D(4, 3, 2, name="a")
    keras.Sequential([keras.Input((None, None, 1)), layer])
    with pytest.raises(ValueError, match="layer a: expected one input of a known height and width"):
        cost_function("multiplications")(layer)
    with pytest.raises(
        ValueError, match=r"of: expected lookups, multiplications, milliseconds or a function .* found 'ms'"
    ):
        cost_function("ms")
    for values in ((0, 0, 1), (1, -1, 1), (1, 0, 0), (1, 0, np.inf)):
        with pytest.raises(ValueError, match="LayerCost: expected finite numbers"):
            LayerCost(*values)
