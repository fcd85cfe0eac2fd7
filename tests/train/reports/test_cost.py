"""The counting rule on Keras networks, held to the published metrics; test_registry.py holds it to exported files."""

import keras
import numpy as np
import pytest
from keras import layers
from keras.src.applications.convnext import LayerScale

from lcnn_engine.analysis.cost import cost_of
from lcnn_engine.format.model_file import read_model
from lcnn_train import ExportError, LookupConv2D, LookupDense, export
from lcnn_train.models import build
from lcnn_train.reports.cost import PAPER_DENSE, count, without_values
from tests.helpers.costs import FAST_MNIST, total
from tests.helpers.training import randomize


def test_alexnets():
    """The paper's dense AlexNet, LCNN's own dense equivalent, and `fast` at tf-lcnn's densities, in millions."""
    assert total("alexnet", "dense-wide")["multiplications"] == PAPER_DENSE
    assert pytest.approx(1135.26, abs=0.005) == PAPER_DENSE / 1e6
    assert total("alexnet", "dense")["multiplications"] / 1e6 == pytest.approx(714.19, abs=0.005)
    fast = total("alexnet", "fast", FAST_MNIST)
    assert fast["multiplications"] / 1e6 == pytest.approx(28.93, abs=0.005)
    assert fast["of_lookups"] / 1e6 == pytest.approx(10.09, abs=0.005)
    assert fast["dense"] / 1e6 == pytest.approx(714.19, abs=0.005)


def test_resnet18():
    """Dictionaries alone, without a lookup, allow at most 18.8 and 2.9: S is computed at stride 1."""
    dense = total("resnet18", "dense")["multiplications"]
    assert dense == 1_814_073_344
    for variant, most in (("fast", 18.8), ("accurate", 2.9)):
        found = total("resnet18", variant, 0)
        assert found["of_lookups"] == 0
        assert found["dense"] == dense
        assert dense / found["multiplications"] == pytest.approx(most, abs=0.05)


def test_lenet():
    """Caffe's LeNet: 2.293 million multiplications, 431,080 weights."""
    found = total("lenet", "dense")
    assert (found["multiplications"], found["weights"], found["bytes"]) == (2_293_000, 431_080, 4 * 431_080)


def by_name(model, density=None):
    return {cost.name: cost for cost in count(model, density)}


def test_layers_of_every_kind(tmp_path):
    image = keras.Input((9, 9, 4))
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(image)
    x = layers.Conv2D(6, 3, groups=2, use_bias=False, name="grouped")(x)
    x = layers.ReLU()(layers.BatchNormalization(name="folded")(x))
    x = layers.BatchNormalization(name="own")(x)
    x = LookupConv2D(6, 3, 4, strides=2, padding="same", activation="relu", name="lookups")(x)
    x = layers.Dense(5, name="pixels")(x)
    x = LookupDense(7, 3, use_bias=False, name="vector")(layers.Flatten()(x))
    model = keras.Model(image, layers.Dense(2, "softmax", name="classes")(x))
    found = by_name(model, [0.25, 0.5])
    assert {name: cost.multiplications for name, cost in found.items()} == {
        "depthwise": 7 * 7 * 8 * 9,
        "grouped": 5 * 5 * 6 * 9 * 4,
        "own": 0,
        "lookups": 7 * 7 * 6 * 4 + 54 * 3 * 3,
        "pixels": 3 * 3 * 6 * 5,
        "vector": 45 * 3 + 10,
        "classes": 7 * 2,
    }
    assert {name: cost.weights for name, cost in found.items()} == {
        "depthwise": 72 + 8,
        "grouped": 9 * 4 * 6 + 6,  # the norm leaves a bias
        "own": 2 * 6,
        "lookups": 6 * 4 + 54 + 6,
        "pixels": 30 + 5,
        "vector": 45 * 3 + 10,
        "classes": 16,
    }
    randomize(model, 0.5)
    export(model, tmp_path / "model.safetensors")
    written = [c for c in cost_of(*read_model(tmp_path / "model.safetensors")) if c.weights]
    assert [(c.multiplications, c.bytes) for c in count(model)] == [(c.multiplications, c.bytes) for c in written]


def test_a_model_of_images_of_any_size_is_counted_at_the_size_that_its_head_makes():
    head = [layers.Resizing(24, 20), layers.Normalization(mean=[1.0, 2, 3], variance=[1.0, 2, 3])]
    net = [layers.Conv2D(4, 3, name="a"), layers.GlobalAveragePooling2D(), layers.Dense(5, name="b")]
    model = keras.Sequential([keras.Input((None, None, 3)), *head, *net])
    assert {name: cost.multiplications for name, cost in by_name(model).items()} == {"a": 22 * 18 * 4 * 27, "b": 20}


def test_layers_that_are_written_as_others_are_counted_as_those():
    image = keras.Input((8, 8, 4))
    x = layers.Conv2D(4, 1, name="a", activation=lambda t: t * keras.ops.sigmoid(t))(image)
    model = keras.Model(image, x + LayerScale(0.1, 4)(layers.Conv2D(4, 1, name="b")(x)))
    assert {name: cost.multiplications for name, cost in by_name(model).items()} == {"a": 64 * 16, "b": 64 * 16}


def test_lookups_are_those_that_survive():
    layer = LookupConv2D(6, 3, 4, threshold=0.3, name="a")
    model = keras.Sequential([keras.Input((8, 8, 2)), layer])
    randomize(model, 0.5)
    used = np.count_nonzero(keras.ops.convert_to_numpy(layer.sparse_P()))
    assert 0 < used < 3 * 3 * 4 * 6
    cost = by_name(model)["a"]
    assert (cost.lookups, cost.of_lookups) == (used, used * 6 * 6)


def test_counting_takes_no_memory_and_leaves_nothing_behind():
    """The weights that never got values do not get them later, when Keras next leaves a scope."""
    model = without_values(lambda: build("alexnet", variant="accurate"))
    with keras.StatelessScope():
        pass
    assert all(variable._value is None for variable in model.variables)


def test_what_the_rule_says_nothing_of():
    image = keras.Input((8, 8, 4))
    model = keras.Model(image, layers.Conv2DTranspose(3, 3, name="up")(image))
    with pytest.raises(ExportError, match="layer up: the counting rule says nothing of Conv2DTranspose"):
        count(model)


@pytest.mark.parametrize(
    ("density", "message"),
    [
        ([0.1, 0.2], r"expected one number or one for each of 1 lookup layers \(a\); found 2"),
        (1.5, "expected numbers from 0 to 1; found 1.5"),
        ([-1], "expected numbers from 0 to 1; found -1"),
        (float("nan"), "expected numbers from 0 to 1; found nan"),
    ],
)
def test_densities_that_do_not_fit(density, message):
    model = keras.Sequential([keras.Input((8, 8, 2)), LookupConv2D(6, 3, 4, name="a")])
    with pytest.raises(ExportError, match=message):
        count(model, density)


def test_an_untrained_network_has_no_more_lookups_than_its_rule_allows():
    """s of each tap of each filter; a layer of fewer atoms has all of them."""
    counted = {cost.name: cost for cost in count(without_values(lambda: build("lenet", lookups_per_tap=2)), 1.0)}
    lookups = {name: cost.lookups for name, cost in counted.items()}
    assert lookups == {"conv1": 25 * 1 * 20 * 2, "conv2": 25 * 50 * 2, "fc1": 16 * 500 * 2, "fc2": None}
    assert count(without_values(lambda: build("lenet", lookups_per_tap=9)), 1.0)[0].lookups == 25 * 20 * 3
