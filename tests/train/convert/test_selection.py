"""Which layers lookup_model replaces, with what, and why it leaves the others."""

import keras
import numpy as np
import pytest
from keras import layers

from lcnn_train import LookupConv2D, LookupDense, lookup_model, lookup_report
from tests.helpers.converting import change, images, rows
from tests.helpers.training import numpy_of, small


def test_one_number_for_all_layers():
    model = small()
    lookups = lookup_model(model, dictionary=12)
    assert [layer.name for layer in lookups.layers] == [layer.name for layer in model.layers]
    assert lookups.name == "small"
    kinds = {name: type(lookups.get_layer(name)) for name in ("conv1", "conv2", "fc1", "fc2")}
    assert kinds == {"conv1": LookupConv2D, "conv2": LookupConv2D, "fc1": LookupDense, "fc2": layers.Dense}
    conv1, conv2, fc1 = (lookups.get_layer(name) for name in ("conv1", "conv2", "fc1"))
    assert (conv1.dictionary, conv2.dictionary, fc1.dictionary) == (1, 12, 12)
    assert (conv1.strides, conv1.padding, conv1.activation) == ((2, 2), "same", keras.activations.relu)
    assert (conv2.l1, conv2.threshold) == (0.3, 0.001)
    assert "stays dense unless" in rows(lookups)["fc2"].why
    assert "one input channel" in rows(lookups)["conv1"].why
    np.testing.assert_array_equal(numpy_of(lookups.get_layer("fc2").kernel), numpy_of(model.get_layer("fc2").kernel))


def test_a_dict_by_name_with_none_and_dense():
    lookups = lookup_model(small(), dictionary={"conv2": 6, "fc1": None, "conv1": "dense", "fc2": 4})
    assert type(lookups.get_layer("conv1")) is layers.Conv2D
    assert lookups.get_layer("conv2").dictionary == 6
    assert lookups.get_layer("fc1").D is None
    assert lookups.get_layer("fc2").dictionary == 4
    report = str(lookup_report(lookups))
    assert "`dictionary` says so" in report
    assert "none" in report
    assert rows(lookup_model(small(), dictionary={"conv2": 6}))["fc1"].why == "not in `dictionary`"


def test_a_function_of_the_layer():
    lookups = lookup_model(
        small(), dictionary=lambda layer: layer.filters if isinstance(layer, layers.Conv2D) else "dense", skip="conv1"
    )
    assert lookups.get_layer("conv2").dictionary == 12
    assert [type(lookups.get_layer(name)) for name in ("conv1", "fc1")] == [layers.Conv2D, layers.Dense]
    skipped = lookup_model(small(), dictionary=4, skip=lambda layer: layer.name.startswith("conv"))
    assert [row.lookup for row in lookup_report(skipped).layers] == [False, False, True, False]


def test_settings_by_name():
    lookups = lookup_model(
        small(),
        dictionary=6,
        l1={"conv2": 2.0},
        threshold={"fc1": 0.5},
        lookups_per_tap={"conv2": 2},
        groups_of={"conv2": 4, "fc1": 8},
        atoms_of={"conv2": 2},
    )
    assert [lookups.get_layer(name).atoms_of for name in ("conv1", "conv2", "fc1")] == [1, 2, 1]
    conv1, conv2, fc1 = (lookups.get_layer(name) for name in ("conv1", "conv2", "fc1"))
    assert (conv1.l1, conv2.l1, fc1.threshold, conv2.threshold) == (0.3, 2.0, 0.5, 0.01)
    assert (conv1.lookups_per_tap, conv2.lookups_per_tap, conv2.groups_of, fc1.groups_of) == (None, 2, 4, 8)
    assert "the last of its groups of 8 has 4 filters" in rows(lookups)["fc1"].why


def test_a_dictionary_that_saves_nothing_is_not_made():
    row = rows(lookup_model(small(), dictionary={"conv2": 12 * 9, "fc1": 19}))
    assert not row["conv2"].lookup
    assert row["conv2"].why == "k = 108 is not below n*kh*kw = 108: a dictionary saves nothing"
    assert row["fc1"].lookup


REASONS = {
    "depthwise": (layers.DepthwiseConv2D(3, name="a"), "DepthwiseConv2D has no lookup form"),
    "transposed": (layers.Conv2DTranspose(4, 3, name="a"), "Conv2DTranspose has no lookup form"),
    "a learned activation": (
        layers.Conv2D(4, 3, activation=layers.PReLU(), name="a"),
        "its activation has weights of its own; call it as a layer behind",
    ),
    "a learned one behind a separable": (
        layers.SeparableConv2D(4, 3, activation=layers.PReLU(), name="a"),
        "its activation has weights of its own; call it as a layer behind",
    ),
    "grouped": (layers.Conv2D(4, 3, groups=2, name="a"), "a convolution in 2 groups"),
    "a lookup layer": (LookupConv2D(4, 3, 2, name="a"), "a lookup layer already"),
    "wrapped": (layers.TimeDistributed(layers.Dense(4), name="a"), "TimeDistributed has no lookup form"),
}


@pytest.mark.parametrize("name", REASONS)
def test_what_has_no_lookup_form_is_left_with_its_reason(name, digits):
    layer, reason = REASONS[name]
    model = keras.Sequential([keras.Input((12, 12, 4)), layer, layers.Conv2D(6, 3, name="b")])
    lookups = lookup_model(model, dictionary=4)
    assert rows(lookups)["a"].why == reason
    assert type(lookups.layers[0]) is type(layer)
    assert rows(lookups)["b"].lookup
    assert change(model, lookups, images(digits, (12, 12, 4))) < 1e-4


def test_a_subclass_of_a_layer_is_left():
    class Mine(layers.Conv2D):
        pass

    model = keras.Sequential([keras.Input((8, 8, 4)), Mine(4, 3, name="a"), layers.Conv2D(4, 3)])
    row = rows(lookup_model(model, dictionary=2))["a"]
    assert row.why == "Mine may compute anything: only Conv2D and Dense themselves are replaced"
