"""One network of each family of keras.applications: which are exported, and what the others are refused for."""

import json

import pytest

from lcnn_engine.cli import main
from lcnn_train import ExportError, export, verify
from tests.helpers.applications import given_back, network, noise

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
REFUSED = {  # every kind of layer that is missing
}


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


@pytest.mark.parametrize("name", REFUSED)
def test_a_network_is_refused_for_all_that_is_missing(name, tmp_path):
    size, kinds = REFUSED[name]
    with pytest.raises(ExportError) as refused:
        export(network(name, size), tmp_path / "m.safetensors")
    missing = [part.split(". ")[0] for part in str(refused.value).split("no operation for ")[1:]]
    assert sorted(missing) == sorted(kinds)
