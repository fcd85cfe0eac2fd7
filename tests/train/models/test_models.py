"""The networks' shapes: names, widths, dictionaries and norms as the paper has them."""

import math

import keras
import pydantic
import pytest

from lcnn_train import LookupConv2D, LookupDense
from lcnn_train.config.network import Model
from lcnn_train.models import NETWORKS, alexnet, build, lenet, resnet


def shapes(text):
    """Names and shapes in turn, as {"conv1": (55, 55, 64), ...}."""
    words = text.split()
    return {name: tuple(map(int, size.split("x"))) for name, size in zip(words[::2], words[1::2], strict=True)}


ALEXNET_SHAPES = shapes(
    "conv1 55x55x64 pool1 27x27x64 conv2 27x27x192 pool2 13x13x192 conv3 13x13x384 conv4 13x13x256 conv5 13x13x256 "
    "pool5 6x6x256 fc6 1x1x4096 fc7 4096 fc8 17 probabilities 17"
)
# What every ResNet has, at 224; of ResNet-50, whose stages are four times as wide, from the stage's last layer on.
RESNET_SHAPES = shapes(
    "conv1 112x112x64 pool1 56x56x64 stage1_block1_sum 56x56x64 stage2_block1_sum 28x28x128 "
    "stage3_block1_sum 14x14x256 stage4_block1_sum 7x7x512 features 512 fc 1000"
)
# Trainable weights of torchvision's models of the same names, whose layers have the same shapes.
RESNET_WEIGHTS = {18: 11_689_512, 34: 21_797_672, 50: 25_557_032}


@pytest.fixture(autouse=True)
def _without_values():
    """Variables get shapes and no values, so that building takes no time."""
    with keras.StatelessScope(initialize_variables=False):
        yield


def is_lookup(layer):
    return isinstance(layer, LookupConv2D | LookupDense)


def weighted_layers(model):
    kinds = (LookupConv2D, LookupDense, keras.layers.Conv2D, keras.layers.Dense)
    return [layer for layer in model.layers if isinstance(layer, kinds)]


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


@pytest.mark.parametrize("variant", ["fast", "accurate", "dense"])
def test_lenet(variant):
    model = lenet(variant)
    layers = weighted_layers(model)
    assert [(layer.name, layer.output.shape[1:]) for layer in layers] == [
        ("conv1", (24, 24, 20)),
        ("conv2", (8, 8, 50)),
        ("fc1", (1, 1, 500)),
        ("fc2", (10,)),
    ]
    found = tuple(layer.dictionary for layer in layers if is_lookup(layer))
    assert found == (NETWORKS["lenet"].variants[variant] or ())


@pytest.mark.parametrize("name", NETWORKS)
def test_other_images(name):
    """The smallest images a network takes, with other channels and classes."""
    size = NETWORKS[name].min_input_size
    model = build(name, input_size=size, channels=2, classes=4)
    assert model.input_shape == (None, size, size, 2)
    assert model.output_shape == (None, 4)
    with pytest.raises(
        ValueError, match=rf"input_size of {name} must be at least {size}. Received: input_size={size - 1}"
    ):
        build(name, input_size=size - 1)


def test_norms_and_dropout():
    model = alexnet("fast", classes=2, dropout=0.25, batch_norm_momentum=0.8)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == 7
    assert {(norm.epsilon, norm.momentum) for norm in norms} == {(1e-3, 0.8)}
    names = [layer.name for layer in model.layers]
    assert names.index("fc6_dropout") == names.index("fc6") - 1
    assert names.index("fc7_dropout") == names.index("fc7") - 1
    assert model.get_layer("fc6_dropout").rate == 0.25


@pytest.mark.parametrize("name", NETWORKS)
def test_dictionaries_of_ones_own(name):
    places = NETWORKS[name].places
    model = build(name, dictionary=[2 + number for number in range(len(places))])
    found = {layer.name.split("_")[0]: layer.dictionary for layer in model.layers if is_lookup(layer)}
    assert found == {place: 2 + number for number, place in enumerate(places)}
    assert {layer.dictionary for layer in build(name, dictionary=5).layers if is_lookup(layer)} == {5}


@pytest.mark.parametrize("name", NETWORKS)
def test_no_dictionary_lookups_a_tap_and_groups(name):
    places = NETWORKS[name].places
    model = build(name, dictionary="none", lookups_per_tap=2, groups_of=2)
    found = {layer.name.split("_")[0]: layer for layer in model.layers if is_lookup(layer)}
    assert tuple(found) == places
    assert {(layer.D, layer.lookups_per_tap, layer.groups_of) for layer in found.values()} == {(None, 2, 2)}


def test_each_place_its_own():
    model = lenet("fast", ["none", "dense", 9], lookups_per_tap=[None, 2, 3], groups_of=[5, 1, 4])
    assert isinstance(model.get_layer("conv2"), keras.layers.Conv2D)
    conv1, fc1 = model.get_layer("conv1"), model.get_layer("fc1")
    assert (conv1.dictionary, conv1.lookups_per_tap, conv1.groups_of) == (None, None, 5)
    assert (fc1.dictionary, fc1.lookups_per_tap, fc1.groups_of) == (9, 3, 4)


def test_names_are_steady_and_tell_the_variant():
    assert alexnet("accurate-paper").name == "alexnet-lcnn-accurate-paper"
    assert alexnet("dense-wide").name == "alexnet-dense-wide"
    assert resnet(34).name == "resnet34-lcnn-fast"
    assert build("lenet", variant="dense", dropout=None).name == "lenet-dense"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: alexnet("slow"), r"variant of alexnet must be one of fast, accurate.*Received: variant='slow'"),
        (
            lambda: lenet("fast", [3, 4]),
            r"dictionary of lenet must be .* 3 of these, for conv1, conv2, fc1. Received: .*\[3, 4\]",
        ),
        (lambda: lenet("fast", [3, 0, 4]), r"at least 1.*Received: dictionary=\[3, 0, 4\]"),
        (lambda: lenet("fast", True), r"at least 1.*Received: dictionary=True"),
        (lambda: lenet("fast", 2.5), r"at least 1.*Received: dictionary=2.5"),
        (lambda: lenet("fast", "all"), r"\"none\" for no dictionary or \"dense\" for.*Received: dictionary='all'"),
        (
            lambda: lenet(lookups_per_tap=0),
            "lookups_per_tap of lenet must be .* at least 1.*Received: lookups_per_tap=0",
        ),
        (lambda: lenet(lookups_per_tap=[1, 2]), r"3 of these, for .* Received: lookups_per_tap=\[1, 2\]"),
        (lambda: lenet(groups_of=None), "groups_of of lenet must be an integer .* Received: groups_of=None"),
        (lambda: lenet(groups_of=4), "groups_of of lenet must divide .* conv2 has 50. Received: groups_of=4"),
        (lambda: lenet("dense", lookups_per_tap=2), "lenet-dense has no lookups. Received: lookups_per_tap=2"),
        (lambda: lenet("dense", 4), r"variant dense has no dictionaries. Received: dictionary=4"),
        (lambda: resnet(20), r"depth must be one of 10, 18, 34, 50. Received: depth=20"),
        (lambda: build("vgg"), r"name must be one of alexnet, lenet, resnet10.*Received: name='vgg'"),
    ],
)
def test_what_there_is_not(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# -------------------------------------------------------------------------------------- a configuration's model section


def test_a_network_fills_in_its_own_values():
    settings = Model()
    assert (settings.name, settings.input_size, settings.threshold, settings.dropout) == ("alexnet", 224, 0.01, 0.5)
    settings = Model(name="resnet18")
    assert (settings.input_shape, settings.threshold, settings.dropout) == ((224, 224, 1), 0.001, None)
    settings = Model(name="lenet", dropout=0.2, threshold=0.5, input_size=32)
    assert (settings.input_size, settings.threshold, settings.dropout) == (32, 0.5, 0.2)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_model_of_a_section(name):
    model = Model(name=name, variant="fast", channels=3, classes=4, l1=0.5, dictionary=6).build()
    assert (model.name, model.output_shape) == (f"{name}-lcnn-fast", (None, 4))
    assert {(layer.dictionary, layer.l1) for layer in model.layers if is_lookup(layer)} == {(6, 0.5)}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"variant": "quick"}, "model.variant: expected one of fast, .* for alexnet; found 'quick'"),
        ({"name": "resnet18", "variant": "accurate-paper"}, "fast, accurate, dense for resnet18"),
        ({"name": "resnet18", "dropout": 0.5}, "model.dropout: expected null, as resnet18 has no dropout; found 0.5"),
        ({"name": "lenet", "input_size": 8}, "input_size of lenet must be at least 16"),
        ({"dictionary": 0}, "dictionary of alexnet must be .* Received: dictionary=0"),
        ({"dictionary": [3, 0, 30, 30, 30, 3, 3]}, "dictionary of alexnet must be .* Received: .*3, 0, 30"),
        ({"lookups_per_tap": "two"}, "lookups_per_tap of alexnet must be .* Received: lookups_per_tap='two'"),
        ({"name": "lenet", "groups_of": 4}, "groups_of of lenet must divide"),
        ({"dictionary": [3, 30]}, "dictionary of alexnet must be .* 7 of these"),
        ({"variant": "dense", "dictionary": 3}, "variant dense has no dictionaries"),
    ],
)
def test_sections_that_do_not_fit(values, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        Model(**values)
