"""One network of each family of keras.applications: alone, as the base of another, and with lookups.

All of them in every way take long: they run where LCNN_SLOW=1 is set, and a few of each way always.
"""

import inspect
import json
import os

import keras
import numpy as np
import pytest
from keras import applications, layers

from lcnn_engine import read_model
from lcnn_engine.cli import main
from lcnn_train import export, lookup_model, verify
from tests.helpers.applications import given_back, network, noise, norms

# Family: its smallest member, and the least size of its images up from 64.
EXPORTED = {
    "ConvNeXtTiny": 64,
    "DenseNet121": 64,
    "EfficientNetB0": 64,
    "EfficientNetLite0": 64,
    "EfficientNetV2B0": 64,
    "InceptionResNetV2": 75,
    "InceptionV3": 75,
    "MobileNet": 64,
    "MobileNetV2": 64,
    "MobileNetV3Small": 64,
    "NASNetMobile": 64,
    "ResNet50": 64,
    "ResNet50V2": 64,
    "VGG16": 64,
    "Xception": 71,
}
BY_KERAS = [name for name in EXPORTED if hasattr(applications, name)]
OF_PIXELS = [
    name for name in BY_KERAS if "include_preprocessing" in inspect.signature(getattr(applications, name)).parameters
]
BY_KERNELS = ("DenseNet121", "EfficientNetLite0", "InceptionV3", "MobileNetV2", "ResNet50")  # for lcnn verify too


def some(names, always):
    """All names; those that are not among `always` only where LCNN_SLOW is set."""
    slow = pytest.mark.skipif(not os.environ.get("LCNN_SLOW"), reason="takes long: set LCNN_SLOW=1")
    return [name if name in always else pytest.param(name, marks=slow) for name in names]


@pytest.fixture(autouse=True)
def _one_at_a_time():
    with given_back():
        yield


@pytest.mark.parametrize("name", some(EXPORTED, BY_KERNELS))
def test_a_network_is_exported(name, tmp_path, capsys):
    """And every node is Keras', within rounding, which in deep networks Keras does as much of as the engine."""
    size, path = EXPORTED[name], tmp_path / "m.safetensors"
    result = verified(network(name, size, include_top=False, pooling="avg"), path, noise(size))
    assert max(node.ratio for node in result.nodes) <= 5 * max(node.keras_ratio for node in result.nodes)
    if name in BY_KERNELS:
        assert main(["verify", str(path), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["ok"]


def verified(model, path, images):
    """Export, and hold every node to Keras: to half of what rounding may do there."""
    export(model, path)
    result = verify(model, path, images)
    assert result.worst.share <= 0.5
    return result


@pytest.mark.parametrize("name", some(BY_KERAS, ("ResNet50V2",)))
def test_a_classifier_of_pixels(name, tmp_path):
    """With its own classifier, behind what its family makes of pixels."""
    size = EXPORTED[name]
    image = keras.Input((size, size, 3))
    module = inspect.getmodule(inspect.unwrap(getattr(applications, name)))
    model = keras.Model(image, network(name, size, classes=10)(module.preprocess_input(image)))
    verified(model, tmp_path / "m.safetensors", pixels(size))


def pixels(size):
    return np.random.default_rng(3).integers(0, 256, (1, size, size, 3)).astype(np.float32)


@pytest.mark.parametrize("name", some(OF_PIXELS, ("MobileNetV3Small",)))
def test_a_network_without_the_preprocessing_that_it_may_have(name, tmp_path):
    model = network(name, 64, include_top=False, include_preprocessing=False)
    verified(model, tmp_path / "m.safetensors", noise(64))


def head(x):
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    return layers.Dense(5, "softmax")(x)


def functional(base, size):
    image = keras.Input((size, size, 3))
    return keras.Model(image, head(base(image, training=False)))


def sequential(base, size):
    rest = [layers.GlobalAveragePooling2D(), layers.Dropout(0.2), layers.Dense(5, "softmax")]
    return keras.Sequential([keras.Input((size, size, 3)), base, *rest])


def base_of(name, **options):
    """A network without its head, of images of any size, as transfer learning begins; NASNet of one, as it wants it."""
    keras.utils.set_random_seed(0)
    sizes = (64, 64) if name == "NASNetMobile" else (None, None)
    options |= {"input_shape": (64, 64, 3)} if name == "NASNetMobile" else {}
    base = getattr(applications, name)(weights=None, include_top=False, **options)
    norms(base, 0.01, 2.0)
    base.trainable = False
    assert base.input_shape == (None, *sizes, 3)
    return base


@pytest.mark.parametrize("name", some(BY_KERAS, ("MobileNetV2",)))
def test_a_base_of_any_size_under_a_new_head(name, tmp_path):
    size = EXPORTED[name]
    verified(functional(base_of(name), size), tmp_path / "m.safetensors", noise(size))


def test_a_base_in_a_sequential_model(tmp_path):
    verified(sequential(base_of("MobileNet"), 64), tmp_path / "m.safetensors", noise(64))


@pytest.mark.parametrize("name", some(EXPORTED, ("MobileNet",)))
def test_a_network_with_lookups(name, tmp_path):
    """Two a tap, of eight atoms, in every layer that can have them."""
    size, path = EXPORTED[name], tmp_path / "m.safetensors"
    model = lookup_model(
        network(name, size, include_top=False, pooling="avg"), 8, lookups_per_tap=2, from_weights=False
    )
    verified(model, path, noise(size))
    ops = [node.op for node in read_model(path)[0].nodes]
    assert ops.count("lookup_conv2d") + ops.count("lookup_dense") == sum(
        row.lookup for row in model.lookup_report.layers
    )
    assert ops.count("lookup_conv2d") >= 13


def test_a_base_with_lookups(tmp_path):
    """Some of whose filters share theirs, in front of layers that read a border: of many pixels, and of few."""
    few = ("expanded", "block_1_", "block_2_", "block_14_", "block_15_", "block_16_")
    model = functional(base_of("MobileNetV2"), 64)
    model = lookup_model(model, lambda layer: 8 if layer.name.startswith(few) else "dense", lookups_per_tap=2)
    path = tmp_path / "m.safetensors"
    verified(model, path, noise(64))
    ops = {node.name: node.op for node in read_model(path)[0].nodes}
    assert ops["block_2_expand"] == ops["block_16_expand"] == "lookup_conv2d"
