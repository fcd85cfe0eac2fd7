"""What can be chosen about any network, and the errors for choices that it does not have."""

import keras
import pytest

from lcnn_train.models import NETWORKS, alexnet, build, lenet, resnet
from tests.helpers.model_layers import is_lookup

pytestmark = pytest.mark.usefixtures("without_values")


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


@pytest.mark.parametrize("name", NETWORKS)
def test_width(name):
    """Half as wide: half of every layer's filters but the classifier's, with lookups and without."""
    for variant in ("dense", "fast"):
        whole, half = build(name, variant=variant, classes=4), build(name, variant=variant, classes=4, width=0.5)
        n, own = ([layer.output.shape[-1] for layer in model.layers if layer.weights] for model in (whole, half))
        assert own == [*(filters // 2 for filters in n[:-1]), 4]
    assert build(name, variant="dense", width=1e-6).layers[-2].weights[0].shape[0] in (
        1,
        4,
    )  # a bottleneck has 4 times 1


@pytest.mark.parametrize("width", [0, -1.0, float("nan"), float("inf")])
def test_widths_that_are_none(width):
    with pytest.raises(ValueError, match=f"width of lenet must be a number over 0. Received: width={width}"):
        lenet(width=width)


def test_the_width_of_the_wide_alexnet():
    assert alexnet("dense-wide", width=0.5).get_layer("conv1").filters == 48


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
    model = lenet("fast", ["none", "dense", 9], lookups_per_tap=[None, 2, 3], groups_of=[16, 1, 4], atoms_of=[2, 1, 1])
    assert isinstance(model.get_layer("conv2"), keras.layers.Conv2D)
    conv1, fc1 = model.get_layer("conv1"), model.get_layer("fc1")
    assert (conv1.dictionary, conv1.lookups_per_tap, conv1.groups_of, conv1.atoms_of) == (None, None, 16, 2)
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
        (lambda: lenet(groups_of=None), "groups_of of lenet must be one of 1, 2, .* Received: groups_of=None"),
        (lambda: lenet(groups_of=5), "groups_of of lenet must be one of 1, 2, 4, 8, 16, 32; .* Received: groups_of=5"),
        (
            lambda: lenet(atoms_of=[1, 2, 4]),
            r"atoms_of of lenet must be one of 1, 2; .* Received: atoms_of=\[1, 2, 4\]",
        ),
        (
            lambda: lenet(lookups_per_tap=[2, None, 3], atoms_of=2),
            r"lookups_per_tap of lenet must be a multiple of atoms_of. Received: lookups_per_tap=\[2, None, 3\]",
        ),
        (lambda: lenet("dense", atoms_of=2), "lenet-dense has no lookups. Received: .*atoms_of=2"),
        (lambda: lenet("dense", lookups_per_tap=2), "lenet-dense has no lookups. Received: lookups_per_tap=2"),
        (lambda: lenet("dense", 4), r"variant dense has no dictionaries. Received: dictionary=4"),
        (lambda: resnet(20), r"depth must be one of 10, 18, 34, 50. Received: depth=20"),
        (lambda: build("vgg"), r"name must be one of alexnet, lenet, resnet10.*Received: name='vgg'"),
    ],
)
def test_what_there_is_not(call, message):
    with pytest.raises(ValueError, match=message):
        call()
