"""What lookups and atoms cost is what the counting rule says."""

import keras
import numpy as np
import pytest

from lcnn_engine import estimate, read_model
from lcnn_train import LookupConv2D, LookupDense, export
from lcnn_train.convert.samples import shapes_of_calls
from lcnn_train.layers import sparsity
from lcnn_train.reports.cost import count
from lcnn_train.training.gradual.costs import LayerCost, cost_function, in_milliseconds
from lcnn_train.training.gradual.pruner import GradualSettings, Pruner


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


def _with_random_lookups(layer, share, seed):
    mask = np.random.default_rng(seed).random(layer.P.shape) < share
    layer.alive.assign(mask)
    return int(mask.sum())


@pytest.mark.parametrize("dictionary", [None, 8])
def test_milliseconds_are_what_the_engine_predicts(dictionary, tmp_path):
    """A lookup costs what it adds to the estimate of an exported network, an atom its row of S."""
    layer = LookupConv2D(32, 3, dictionary, l1=0, threshold=0, name="a")
    model = keras.Sequential([keras.Input((14, 14, 16)), layer])
    found = []
    for seed, share in enumerate((0.02, 0.04)):
        count = _with_random_lookups(layer, share, seed)
        export(model, tmp_path / "a.safetensors")
        found.append((estimate(*read_model(tmp_path / "a.safetensors"))["a"], count))
    (few, fewer), (more, further) = found
    cost = in_milliseconds(layer)
    assert cost.entry == pytest.approx((more - few) / (further - fewer), rel=0.3)
    assert cost.entry * 9 * 16 * 32 > cost.whole  # as many lookups as weights take longer than these
    assert (cost.atom > 0) == (dictionary is not None)
    assert cost.atom * (dictionary or 0) < few


def test_a_dense_layer_s_lookups_take_longer():
    """By time they go first, unless filters in groups share them."""

    def kept(of, **structure):
        image = keras.Input((12, 12, 16))
        x = LookupConv2D(32, 3, None, l1=0, threshold=0, name="conv")(image)
        x = LookupDense(256, None, l1=0, threshold=0, name="fc", **structure)(keras.layers.Flatten()(x))
        model = keras.Model(image, x)
        pruner = Pruner(model, GradualSettings(0.1, 1, of=of))
        pruner.prune(1)
        return sparsity.lookups(model.get_layer("fc")) / sparsity.lookups(model.get_layer("conv"))

    by_time, in_groups = kept("milliseconds"), kept("milliseconds", groups_of=16, atoms_of=2)
    assert 2 * by_time < in_groups
    assert 2 * by_time < kept("multiplications")


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
