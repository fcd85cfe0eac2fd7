"""ResNets as the paper has them: names, widths, dictionaries and norms."""

import math

import keras
import pytest

from lcnn_train.models import NETWORKS, resnet
from tests.helpers.model_layers import is_lookup, shapes, weighted_layers

pytestmark = pytest.mark.usefixtures("without_values")


# What every ResNet has, at 224; of ResNet-50, whose stages are four times as wide, from the stage's last layer on.
RESNET_SHAPES = shapes(
    "conv1 112x112x64 pool1 56x56x64 stage1_block1_sum 56x56x64 stage2_block1_sum 28x28x128 "
    "stage3_block1_sum 14x14x256 stage4_block1_sum 7x7x512 features 512 fc 1000"
)


# Trainable weights of torchvision's models of the same names, whose layers have the same shapes.
RESNET_WEIGHTS = {18: 11_689_512, 34: 21_797_672, 50: 25_557_032}


@pytest.mark.parametrize("depth", [10, 18, 34, 50])
def test_resnet_dense(depth):
    model = resnet(depth, "dense")
    widening = 4 if depth == 50 else 1
    expected = {
        name: (*shape[:-1], shape[-1] * (widening if "stage" in name or name == "features" else 1))
        for name, shape in RESNET_SHAPES.items()
    }
    assert {name: model.get_layer(name).output.shape[1:] for name in expected} == expected
    layers = [layer.name for layer in weighted_layers(model) if "shortcut" not in layer.name]
    assert len(layers) == depth
    if depth in RESNET_WEIGHTS:
        assert sum(math.prod(v.shape) for v in model.trainable_variables) == RESNET_WEIGHTS[depth]


@pytest.mark.parametrize("depth", [10, 18, 34, 50])
@pytest.mark.parametrize("variant", ["fast", "accurate"])
def test_resnet_dictionaries(depth, variant):
    model = resnet(depth, variant)
    places = NETWORKS[f"resnet{depth}"].places
    expected = dict(zip(places, NETWORKS[f"resnet{depth}"].variants[variant], strict=True))
    for layer in weighted_layers(model):
        place = layer.name.split("_")[0]
        if layer.name == "fc" or layer.name.endswith("shortcut"):
            assert not is_lookup(layer)
        elif expected[place] >= layer.filters * math.prod(layer.kernel_size):
            assert not is_lookup(layer), f"{layer.name}: expected the dense layer that its dictionary cannot beat"
        else:
            assert (layer.dictionary, layer.threshold, layer.use_bias) == (expected[place], 0.001, False)
    fallen = {
        layer.name for layer in model.layers if type(layer) is keras.layers.Conv2D and "shortcut" not in layer.name
    }
    if depth == 50 and variant == "accurate":
        assert "stage1_block1_conv1" in fallen  # 128 atoms for 64 filters of 1x1
        assert "stage1_block1_conv2" not in fallen
        assert "stage1_block1_conv3" not in fallen
    else:
        assert not fallen
