"""The counting rule on Keras networks, held to the published metrics; test_networks.py holds it to exported files."""

import json
from functools import lru_cache
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

import lcnn_train
from lcnn_engine.analysis.cost import cost_of, totals
from lcnn_engine.format.model_file import read_model
from lcnn_train import ExportError, LookupConv2D, LookupDense, export
from lcnn_train.cli import main
from lcnn_train.models import NETWORKS, build
from lcnn_train.reports.cost import PAPER_DENSE, count, without_values
from tests.helpers.training import DATA, randomize

# Densities of P that tf-lcnn published for MNIST, conv1 .. conv5, fc6, fc7.
FAST_MNIST = (0.083, 0.034, 0.008, 0.013, 0.027, 0.001, 0.002)
CONFIGS = sorted((Path(lcnn_train.__file__).parent / "configs").glob("*.yaml"))
WEIGHTS = DATA.parent.parent / "weights" / "mnist-alexnet-lcnn-fast.safetensors"


@lru_cache
def total(name, variant, density=None, **settings):
    """Sums over the layers of a network that was never trained."""
    return totals(count(without_values(lambda: build(name, variant=variant, **settings)), density))


def test_alexnets():
    """The paper's dense AlexNet, LCNN's own dense twin, and `fast` at tf-lcnn's densities, in millions."""
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


# ------------------------------------------------------------------------------------------------- lcnn-train count


def test_count_of_a_configuration(capsys):
    assert main(["count", "mnist-alexnet-lcnn-fast"]) == 0
    assert "every entry of P that may be a lookup is taken for one" in capsys.readouterr().out
    command = ["count", "mnist-alexnet-lcnn-fast", "--set", "model.classes=1000"]
    assert main([*command, "--density", ",".join(map(str, FAST_MNIST))]) == 0
    out = capsys.readouterr().out
    assert "10.09 of them by lookups" in out
    assert "The paper's dense AlexNet: 1,135.26 million" in out


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_configuration_is_the_network_that_its_name_tells(path, capsys):
    data, network, variant = path.stem.replace("fashion-mnist", "fashion").split("-", 2)
    assert main(["count", str(path), "--density", "0.05", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    classes, channels = (1000, 3) if data == "imagenet" else (10, 1)
    dense = "dense-wide" if variant.startswith("dense-wide") else "dense"
    assert facts["total"]["dense"] == total(network, dense, channels=channels, classes=classes)["multiplications"]
    assert (facts["total"]["lookups"] > 0) == variant.startswith("lcnn-")


def test_count_of_a_model_file_as_json(capsys):
    assert main(["count", str(WEIGHTS), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [layer["name"] for layer in facts["layers"]] == [*NETWORKS["alexnet"].places, "fc8"]
    assert facts["total"] == totals(cost_of(*read_model(WEIGHTS))) | {"bytes": facts["total"]["bytes"]}
    assert facts["total"]["bytes"] < WEIGHTS.stat().st_size  # halves, as they are stored
    assert facts["ratio_to_paper_dense"] == PAPER_DENSE / facts["total"]["multiplications"]


def test_count_of_a_keras_file(tmp_path, capsys):
    model = build("lenet", variant="fast")
    randomize(model, 0.1)
    model.save(tmp_path / "small.keras")
    assert main(["count", str(tmp_path / "small.keras"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"] == totals(count(model))
    assert main(["count", str(tmp_path / "small.keras"), "--density", "0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["of_lookups"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.yaml"], "nothing.yaml: No such file"),
        ([str(WEIGHTS), "--density", "0.1"], "a model file has its own lookups"),
        ([str(WEIGHTS), "--set", "model.l1=1"], "--set is for a configuration"),
        (["mnist-alexnet-lcnn-fast", "--density", "0.1,0.2"], "one for each of 7 lookup layers"),
    ],
)
def test_count_of_what_is_not_there(arguments, message, capsys):
    assert main(["count", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_count_of_densities_that_are_no_numbers(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["count", "mnist-alexnet-lcnn-fast", "--density", "a"])
    assert stopped.value.code == 2
    assert "expected numbers with commas between, found 'a'" in capsys.readouterr().err


def test_an_untrained_network_has_no_more_lookups_than_its_rule_allows():
    """s of each tap of each filter; a layer of fewer atoms has all of them."""
    counted = {cost.name: cost for cost in count(without_values(lambda: build("lenet", lookups_per_tap=2)), 1.0)}
    lookups = {name: cost.lookups for name, cost in counted.items()}
    assert lookups == {"conv1": 25 * 1 * 20 * 2, "conv2": 25 * 50 * 2, "fc1": 16 * 500 * 2, "fc2": None}
    assert count(without_values(lambda: build("lenet", lookups_per_tap=9)), 1.0)[0].lookups == 25 * 20 * 3
