"""AlexNet's shape: names, widths, dictionaries and norms as the paper has them."""

import keras
import pytest

from lcnn_train import LookupConv2D, LookupDense
from lcnn_train.models import VARIANTS, alexnet

SHAPES = {
    "conv1": (55, 55, 64),
    "pool1": (27, 27, 64),
    "conv2": (27, 27, 192),
    "pool2": (13, 13, 192),
    "conv3": (13, 13, 384),
    "conv4": (13, 13, 256),
    "conv5": (13, 13, 256),
    "pool5": (6, 6, 256),
    "fc6": (1, 1, 4096),
    "fc7": (4096,),
    "fc8": (17,),
    "probabilities": (17,),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("channels", [1, 3])
def test_layers(variant, channels):
    model = alexnet(variant, channels=channels, classes=17, l1=0.7, threshold=0.02)
    assert model.input_shape == (None, 224, 224, channels)
    assert {name: model.get_layer(name).output.shape[1:] for name in SHAPES} == SHAPES
    weighted = [model.get_layer(name) for name in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7")]
    assert all(not layer.use_bias for layer in weighted)
    assert model.get_layer("fc8").use_bias
    if VARIANTS[variant] is None:
        assert not any(isinstance(layer, LookupConv2D | LookupDense) for layer in model.layers)
    else:
        assert tuple(layer.dictionary for layer in weighted) == VARIANTS[variant]
        assert {(layer.l1, layer.threshold) for layer in weighted} == {(0.7, 0.02)}


def test_norms_and_dropout():
    model = alexnet("fast", classes=2, dropout=0.25, batch_norm_momentum=0.8)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == 7
    assert {(norm.epsilon, norm.momentum) for norm in norms} == {(1e-3, 0.8)}
    names = [layer.name for layer in model.layers]
    assert names.index("fc6_dropout") == names.index("fc6") - 1
    assert names.index("fc7_dropout") == names.index("fc7") - 1
    assert model.get_layer("fc6_dropout").rate == 0.25


def test_unknown_variant():
    with pytest.raises(ValueError, match=r"variant must be one of fast, accurate.*Received: variant='slow'"):
        alexnet("slow")
