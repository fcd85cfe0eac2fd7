"""One network of each family of keras.applications: which are exported, and what the others are refused for."""

import keras
import numpy as np
import pytest

from lcnn_engine import Net
from lcnn_train import ExportError, export
from lcnn_train.export.converters import translate
from lcnn_train.keras_graph import run

# Family: its smallest member, and the least size of its images up from 64.
EXPORTED = {
    "DenseNet121": 64,
    "EfficientNetB0": 64,
    "EfficientNetV2B0": 64,
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
REFUSED = {  # every kind of layer that is missing
    "ConvNeXtTiny": (64, ("LayerNormalization", "LayerScale")),
    "InceptionResNetV2": (75, ("CustomScaleLayer",)),
}


def made(name, size):
    network = getattr(keras.applications, name)
    model = network(weights=None, include_top=False, input_shape=(size, size, 3), pooling="avg")
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            channels = layer.moving_mean.shape
            layer.moving_mean.assign(rng.normal(0, 0.05, channels))
            layer.moving_variance.assign(rng.uniform(0.8, 1.2, channels))  # values stay near 1 in deep networks
            layer.beta.assign(rng.normal(0, 0.2, channels))
            if layer.scale:
                layer.gamma.assign(rng.uniform(0.5, 1.5, channels))
    return model


@pytest.mark.parametrize("name", EXPORTED)
def test_a_network_is_exported(name, tmp_path):
    """Each node is held to Keras. Both add up in float32, in another order: a rounding, 6e-8, for each node before, and
    each sum within, which add like a random walk and are amplified by norms; 1e-3 of the largest value is far above
    that for networks of 20 to 400 layers, and far below what a wrong axis, weight or activation makes, about 1."""
    size = EXPORTED[name]
    model = made(name, size)
    export(model, tmp_path / "m.safetensors")
    builder = translate(model)
    x = np.random.default_rng(0).random((1, size, size, 3), np.float32)
    wanted = run(builder.traced, x)
    found = Net.load(tmp_path / "m.safetensors").features(x, [node.name for node in builder.nodes])
    for node in builder.nodes:
        reference = wanted[node.value]
        assert found[node.name].shape == reference.shape, node.name
        assert np.abs(found[node.name] - reference).max() <= 1e-3 * np.abs(reference).max(), node.name


@pytest.mark.parametrize("name", REFUSED)
def test_a_network_is_refused_for_all_that_is_missing(name, tmp_path):
    size, kinds = REFUSED[name]
    with pytest.raises(ExportError) as refused:
        export(made(name, size), tmp_path / "m.safetensors")
    missing = [part.split(". ")[0] for part in str(refused.value).split("no operation for ")[1:]]
    assert sorted(missing) == sorted(kinds)
