"""One network of each family of keras.applications: alone, as the base of another, and with lookups."""

import json

import keras
import pytest
from keras import layers

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
BY_KERNELS = ("DenseNet121", "EfficientNetLite0", "InceptionV3", "MobileNetV2", "ResNet50")  # for lcnn verify too


@pytest.fixture(autouse=True)
def _one_at_a_time():
    with given_back():
        yield


@pytest.mark.parametrize("name", EXPORTED)
def test_a_network_is_exported(name, tmp_path, capsys):
    """And every node is Keras', within rounding, which in deep networks Keras does as much of as the engine."""
    size, path = EXPORTED[name], tmp_path / "m.safetensors"
    model = network(name, size, include_top=False, pooling="avg")
    export(model, path)
    result = verify(model, path, noise(size))
    assert result.worst.share <= 0.5
    assert max(node.ratio for node in result.nodes) <= 5 * max(node.keras_ratio for node in result.nodes)
    if name in BY_KERNELS:
        assert main(["verify", str(path), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["ok"]


def head(x):
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    return layers.Dense(5, "softmax")(x)


def functional(base):
    image = keras.Input((64, 64, 3))
    return keras.Model(image, head(base(image, training=False)))


def sequential(base):
    rest = [layers.GlobalAveragePooling2D(), layers.Dropout(0.2), layers.Dense(5, "softmax")]
    return keras.Sequential([keras.Input((64, 64, 3)), base, *rest])


def base_of(name, **options):
    """A network without its head, of images of any size, as transfer learning begins."""
    keras.utils.set_random_seed(0)
    base = getattr(keras.applications, name)(weights=None, include_top=False, **options)
    norms(base, 0.01, 2.0)
    base.trainable = False
    assert base.input_shape == (None, None, None, 3)
    return base


@pytest.mark.parametrize(
    ("name", "built", "options"),
    [
        ("MobileNetV2", functional, {}),
        ("MobileNet", sequential, {}),
        ("MobileNetV3Small", sequential, {"include_preprocessing": False}),
    ],
)
def test_a_base_of_any_size_under_a_new_head(name, built, options, tmp_path):
    model, path = built(base_of(name, **options)), tmp_path / "m.safetensors"
    export(model, path)
    assert verify(model, path, noise(64)).worst.share <= 0.5


def test_a_base_with_lookups(tmp_path):
    """Some of whose filters share theirs, in front of layers that read a border: of many pixels, and of few."""
    few = ("expanded", "block_1_", "block_2_", "block_14_", "block_15_", "block_16_")
    model = functional(base_of("MobileNetV2"))
    model = lookup_model(model, lambda layer: 8 if layer.name.startswith(few) else "dense", lookups_per_tap=2)
    path = tmp_path / "m.safetensors"
    export(model, path)
    assert verify(model, path, noise(64)).worst.share <= 0.5
    ops = {node.name: node.op for node in read_model(path)[0].nodes}
    assert ops["block_2_expand"] == ops["block_16_expand"] == "lookup_conv2d"
