"""ResNets for small images: shapes, the published number of weights, dictionaries, and names that both depths share."""

import math

import pytest

from lcnn_train.models import NETWORKS, small_resnet
from tests.helpers.model_layers import is_lookup, shapes, weighted_layers

pytestmark = pytest.mark.usefixtures("without_values")

SHAPES = shapes("conv1 32x32x16 stage1_block1_sum 32x32x16 stage2_block1_sum 16x16x32 stage3_block1_sum 8x8x64 fc 10")
# Of ResNet-20 with shortcuts that copy: 269,722 (He et al. print 0.27 million). The two that are convolutions:
SHORTCUTS = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64


@pytest.mark.parametrize("depth", [8, 20])
def test_dense(depth):
    model = small_resnet(depth, "dense")
    assert {name: model.get_layer(name).output.shape[1:] for name in SHAPES} == SHAPES
    assert len([layer for layer in weighted_layers(model) if "shortcut" not in layer.name]) == depth
    if depth == 20:
        assert sum(math.prod(v.shape) for v in model.trainable_variables) == 269_722 + SHORTCUTS


@pytest.mark.parametrize("depth", [8, 20])
@pytest.mark.parametrize("variant", ["fast", "accurate"])
def test_dictionaries(depth, variant):
    network = NETWORKS[f"resnet{depth}"]
    expected = dict(zip(network.places, network.variants[variant], strict=True))
    for layer in weighted_layers(small_resnet(depth, variant)):
        if layer.name == "fc" or layer.name.endswith("shortcut"):
            assert not is_lookup(layer)
        else:
            assert layer.dictionary == expected[layer.name.split("_")[0]]


def test_the_deeper_one_has_all_layers_of_the_other():
    names = [{layer.name for layer in weighted_layers(small_resnet(depth))} for depth in (8, 20)]
    assert names[0] < names[1]


def test_a_depth_that_there_is_not():
    with pytest.raises(ValueError, match=r"depth must be one of 8, 20\. Received: depth=10"):
        small_resnet(10)
