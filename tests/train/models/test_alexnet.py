"""AlexNet as the paper has it: names, widths, dictionaries and norms."""

import pytest

from lcnn_train.models import NETWORKS, alexnet
from tests.helpers.model_layers import is_lookup, shapes, weighted_layers

pytestmark = pytest.mark.usefixtures("without_values")


ALEXNET_SHAPES = shapes(
    "conv1 55x55x64 pool1 27x27x64 conv2 27x27x192 pool2 13x13x192 conv3 13x13x384 conv4 13x13x256 conv5 13x13x256 "
    "pool5 6x6x256 fc6 1x1x4096 fc7 4096 fc8 17 probabilities 17"
)


@pytest.mark.parametrize("variant", NETWORKS["alexnet"].variants)
@pytest.mark.parametrize("channels", [1, 3])
def test_alexnet(variant, channels):
    model = alexnet(variant, channels=channels, classes=17, l1=0.7, threshold=0.02)
    assert model.input_shape == (None, 224, 224, channels)
    *weighted, last = weighted_layers(model)
    assert tuple(layer.name for layer in weighted) == NETWORKS["alexnet"].places
    wide = {"conv1": 96, "pool1": 96, "conv2": 256, "pool2": 256, "conv4": 384} if variant == "dense-wide" else {}
    expected = {name: (*shape[:-1], wide.get(name, shape[-1])) for name, shape in ALEXNET_SHAPES.items()}
    assert {name: model.get_layer(name).output.shape[1:] for name in expected} == expected
    assert all(not layer.use_bias for layer in weighted)
    assert last.use_bias
    dictionaries = NETWORKS["alexnet"].variants[variant]
    if dictionaries is None:
        assert not any(map(is_lookup, model.layers))
    else:
        assert tuple(layer.dictionary for layer in weighted) == dictionaries
        assert {(layer.l1, layer.threshold) for layer in weighted} == {(0.7, 0.02)}
