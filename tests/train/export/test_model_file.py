"""From Keras to the engine: AlexNets whole, the tensors of a file, and what a file cannot hold."""

import keras
import numpy as np
import pytest
from keras import layers
from safetensors import safe_open

from lcnn_engine import ModelFormatError, Net, read_model
from lcnn_train import ExportError, LookupConv2D, LookupDense, export, verify
from lcnn_train.models import alexnet
from tests.helpers.applications import given_back
from tests.helpers.exporting import PNGS, PREPROCESSING, exported, functional, lookup_layer, real_input
from tests.helpers.training import randomize

SIZE = 99  # pixels; at 224 the first dense layer alone takes nine times the memory
GREY = {**PREPROCESSING, "resize": {**PREPROCESSING["resize"], "size": [SIZE, SIZE]}}
RGB = {**GREY, "mode": "RGB", "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.25]}


@pytest.mark.parametrize(
    ("variant", "dtype"), [("fast", "float32"), ("fast", "float16"), ("accurate", "float32"), ("dense", "float32")]
)
def test_alexnets_at_five_percent(variant, dtype, tmp_path):
    """With random P at 5% density, on real digits: engine and Keras agree at every node."""
    with given_back():
        channels = 1 if variant == "fast" else 3
        model = alexnet(variant, channels=channels, classes=10, input_size=SIZE)
        randomize(model, 0.05)
        path = tmp_path / "alexnet.safetensors"
        export(model, path, list("0123456789"), GREY if channels == 1 else RGB, dtype)
        result = verify(model, path, [str(png) for png in PNGS[:2]])
        names = "conv1 pool1 conv2 pool2 conv3 conv4 conv5 pool5 fc6 flatten fc7 fc8 probabilities"
        assert [node.name for node in result.nodes] == names.split()
        assert result.worst.ratio <= 1e-5
        assert all(node.largest > 0 for node in result.nodes)
        net = Net.load(path)
        assert net.labels == list("0123456789")
        assert net.predict(str(PNGS[0])).sum() == pytest.approx(1, abs=1e-5)


def test_indices_ascend_and_atoms_that_no_lookup_uses_are_dropped(tmp_path):
    model, layer = lookup_layer({(1, 0, 3, 1): 0.5, (0, 1, 1, 1): -0.25, (0, 1, 3, 1): 2.0, (1, 1, 1, 0): 1.0})
    export(model, tmp_path / "m.safetensors")
    _, tensors = read_model(tmp_path / "m.safetensors")
    D = keras.ops.convert_to_numpy(layer.D)[0, 0]
    np.testing.assert_array_equal(tensors["a/dictionary"], D[:, [1, 3]].T)
    np.testing.assert_array_equal(tensors["a/indptr"], [0, 1, 4])
    # (r * 2 + c) * 2 + d, where atom 1 became 0 and atom 3 became 1
    np.testing.assert_array_equal(tensors["a/indices"], [6, 2, 3, 5])
    np.testing.assert_array_equal(tensors["a/coefficients"], np.float32([1, -0.25, 2, 0.5]))


def test_a_layer_without_lookups(tmp_path, digits):
    model, layer = lookup_layer({})
    layer.bias.assign([0.5, -1])
    export(model, tmp_path / "m.safetensors")
    _, tensors = read_model(tmp_path / "m.safetensors")
    assert tensors["a/dictionary"].shape == (1, 2)
    assert tensors["a/indices"].size == 0
    result = verify(model, tmp_path / "m.safetensors", real_input(digits, (6, 6, 2)))
    assert result.worst.ratio == 0


def test_entries_under_the_threshold_are_not_exported(tmp_path):
    epsilon = 0.01 / np.sqrt(2 * 2 * 4)
    model, _ = lookup_layer({(0, 0, 0, 0): epsilon * 0.99, (0, 0, 1, 0): epsilon * 1.01})
    export(model, tmp_path / "m.safetensors")
    np.testing.assert_array_equal(read_model(tmp_path / "m.safetensors")[1]["a/indptr"], [0, 1, 1])


@pytest.mark.parametrize("layer", [LookupConv2D(10, 2, 6, groups_of=8, atoms_of=2), LookupDense(10, None, groups_of=8)])
def test_filters_of_a_group_have_equal_indices_and_zeros_where_they_need_them(layer, tmp_path):
    first = [layers.Flatten(name="vector")] if isinstance(layer, LookupDense) else []
    model = keras.Sequential([keras.Input((1, 1, 6) if first else (3, 3, 6)), *first, layer])
    P = np.random.default_rng(0).normal(size=layer.P.shape).astype(np.float32)
    P[..., 1] = 0  # a filter that adds nothing to its group
    P[..., 2:, :] *= 1e-4
    layer.P.assign(P)
    export(model, tmp_path / "m.safetensors")
    tensors = {name.partition("/")[2]: value for name, value in read_model(tmp_path / "m.safetensors")[1].items()}
    lists = np.split(tensors["indices"], tensors["indptr"][1:-1])
    assert all(len(found) for found in lists)
    for filters in (range(8), range(8, 10)):
        assert {tuple(lists[filter]) for filter in filters} == {tuple(lists[filters[0]])}
    assert not tensors["coefficients"][tensors["indptr"][1] : tensors["indptr"][2]].any()
    if layer.D is not None:  # two of the six atoms are left, neighbours as they were
        assert tensors["dictionary"].shape == (2, 6)
        assert (lists[0].reshape(-1, 2) % 2 == [0, 1]).all()


def test_float16_halves_weights_and_keeps_biases(tmp_path, digits):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            LookupConv2D(4, 3, 3, name="a"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, depth_multiplier=2, name="d"),
            layers.BatchNormalization(),
            layers.SeparableConv2D(4, 2, depth_multiplier=2, name="s"),
            layers.BatchNormalization(),
            LookupConv2D(4, 1, None, name="p"),
            layers.Conv2D(4, 2, name="c"),
            layers.Flatten(),
            LookupDense(6, 4, use_bias=False, name="l"),
            layers.Dense(3, name="b"),
        ]
    )
    exported(model, tmp_path, digits, dtype="float16")
    with safe_open(tmp_path / "model.safetensors", "np") as file:
        dtypes = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    halved = {"a/dictionary", "a/coefficients", "d/kernel", "c/kernel", "l/dictionary", "l/coefficients", "b/kernel"}
    halved |= {"s_depthwise/kernel", "s/kernel", "p/coefficients"}
    assert {name for name, dtype in dtypes.items() if dtype == "F16"} == halved
    assert {name for name, dtype in dtypes.items() if dtype == "F32"} == {f"{name}/bias" for name in "adspcb"}


def test_int8_is_for_matrices_of_dense_layers(tmp_path, digits):
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            LookupConv2D(4, 3, 3, name="a"),
            layers.Conv2D(4, 2, name="c"),
            layers.Flatten(),
            LookupDense(6, 4, use_bias=False, name="l"),
            layers.Dense(5, use_bias=False, name="b"),
            layers.BatchNormalization(name="n"),
            layers.Dense(3, name="d"),
        ]
    )
    randomize(model, 0.5)
    exported(model, tmp_path, digits, dtype="int8")
    path = tmp_path / "model.safetensors"
    with safe_open(path, "np") as file:
        kinds = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    assert {name for name, kind in kinds.items() if kind == "I8"} == {"l/dictionary", "b/kernel", "d/kernel"}
    halved = {"a/dictionary", "a/coefficients", "c/kernel", "l/coefficients"}
    assert {name for name, kind in kinds.items() if kind == "F16"} == halved
    result = verify(model, path, real_input(digits, (6, 6, 2)))
    assert 0 < result.float16_change < 0.05
    assert "int8 in the file moves the output by" in str(result)
    model.layers[-1].kernel.assign(model.layers[-1].kernel * 1.05)
    with pytest.raises(ExportError, match="d/kernel is not what this model holds"):
        verify(model, path, real_input(digits, (6, 6, 2)))


@pytest.mark.parametrize("factor", [1e-4, 1e-5, 1e-6, 1e-7, 1e-30])
@pytest.mark.parametrize("filters", ["all", "half"])
def test_float16_loses_no_small_weights(tmp_path, filters, factor):
    """As where a batch norm with a small scale, of all or of some filters, was folded into them."""
    rng = np.random.default_rng(3)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(8, 3, use_bias=False, name="c"),
            layers.BatchNormalization(center=False),
            layers.DepthwiseConv2D(3, use_bias=False, name="d"),
            LookupConv2D(4, 3, 6, use_bias=False, name="l"),
            layers.Conv2D(8, 2, name="ordinary"),
        ]
    )
    scale = np.full(8, factor)
    scale[1 :: 2 if filters == "half" else 9] = 1.0
    model.layers[1].gamma.assign(scale)
    x = rng.standard_normal((2, 8, 8, 3)).astype(np.float32)
    export(model, tmp_path / "m.safetensors", dtype="float16")
    found = verify(model, tmp_path / "m.safetensors", x)
    assert found.float16_change < 2e-3
    expected = keras.ops.convert_to_numpy(keras.Model(model.inputs, model.layers[1].output)(x))
    features = Net.load(tmp_path / "m.safetensors").features(x, "c")
    np.testing.assert_allclose(features / scale, expected / scale, atol=1e-5)
    with safe_open(tmp_path / "m.safetensors", "np") as file:
        dtypes = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    assert (dtypes["c/kernel"], dtypes["ordinary/kernel"]) == ("F32", "F16")
    assert "too small for float16: c/kernel" in str(found)


def test_float16_that_overflows_is_refused(tmp_path):
    model, _ = lookup_layer({(0, 0, 0, 0): 1e5})
    with pytest.raises(ExportError, match=r'a/coefficients: expected finite values.*float16; export.*"float32"'):
        export(model, tmp_path / "m.safetensors", dtype="float16")
    assert not list(tmp_path.iterdir())


def test_a_model_that_diverged_is_refused(tmp_path):
    model, layer = lookup_layer({(0, 0, 0, 0): 1.0})
    layer.bias.assign([np.nan, 0])
    with pytest.raises(ExportError, match=r"a/bias: expected finite values.*diverged"):
        export(model, tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


def test_unknown_dtype():
    model, _ = lookup_layer({})
    with pytest.raises(ExportError, match="Received: dtype='int4'"):
        export(model, "never.safetensors", dtype="int4")


class _Doubling(layers.Conv2D):
    def call(self, inputs):
        return 2 * super().call(inputs)


REFUSED = {
    "an unknown layer": (
        (8, 8, 2),
        lambda x: layers.MultiHeadAttention(1, 2, name="a")(x, x),
        "layer a: .*MultiHeadAttention. Supported: Abs",
    ),
    "a subclass": ((8, 8, 2), lambda x: _Doubling(2, 3, name="a")(x), "layer a: .*_Doubling"),
    "a lambda": (
        (8,),
        lambda x: layers.Lambda(lambda v: keras.ops.cumsum(v, 1), output_shape=(8,), name="a")(x),
        "no operation for Cumsum",
    ),
    "a power": ((8,), lambda x: x**5, "expected a tensor to the power of 0.5, 2, 3 or 4, found 5"),
    "another operation": ((8,), lambda x: keras.ops.cumsum(x, 1), "no operation for Cumsum"),
    "an activation": (
        (8,),
        lambda x: layers.Dense(3, "sparsemax", name="a")(x),
        "layer a: .*activation sparsemax. Supported: lin",
    ),
    "an activation layer": ((8,), lambda x: layers.Activation("glu", name="a")(x), "no operation for Glu"),
    "softmax over rows": ((8, 8, 2), lambda x: layers.Softmax(1, name="a")(x), "layer a: .*last axis, found 1"),
    "norm over rows": ((8, 8, 2), lambda x: layers.BatchNormalization(1, name="a")(x), "layer a: .*found axis 1"),
    "a join of rows": ((8, 8, 2), lambda x: layers.Concatenate(1, name="a")([x, x]), "layer a: .*found axis 1"),
    "a reshape to a table": ((8,), lambda x: layers.Reshape((4, 2), name="a")(x), r"a vector, found \(4, 2\)"),
    "a row repeated": (
        (8, 8, 2),
        lambda x: layers.Add(name="a")([x, layers.MaxPooling2D((1, 8))(x)]),
        r"layer a: expected one input of shape \(8, 8, 2\).*found \(8, 8, 2\) and \(8, 1, 2\)",
    ),
    "training": (
        (8,),
        lambda x: layers.Dropout(0.5, name="a")(x, training=True),
        "layer a: called with training=True",
    ),
    "channels first": (
        (2, 8, 8),
        lambda x: layers.GlobalAveragePooling2D(data_format="channels_first", name="a")(x),
        'layer a: expected data_format="channels_last"',
    ),
    "a size that is not fixed": (
        (None, 8, 2),
        lambda x: layers.GlobalAveragePooling2D(name="a")(x),
        r"input image: expected sizes that are fixed, found shape \(None, None, 8, 2\)",
    ),
    "nothing to compute": ((8, 8, 2), lambda x: layers.Dropout(0.5)(x), "at least one layer that computes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_file_cannot_hold_is_refused(name, tmp_path):
    shape, build, message = REFUSED[name]
    with pytest.raises(ExportError, match=message):
        export(functional(shape, build), tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def test_labels_and_preprocessing_that_do_not_fit_leave_nothing(tmp_path):
    model, _ = lookup_layer({(0, 0, 0, 0): 1.0})
    model = keras.Sequential([keras.Input((6, 6, 2)), *model.layers, layers.Flatten(), layers.Dense(3)])
    with pytest.raises(ModelFormatError, match="labels"):
        export(model, tmp_path / "m.safetensors", labels=["a", "b"])
    with pytest.raises(ModelFormatError, match=r"mode|mean|channel"):
        export(model, tmp_path / "m.safetensors", preprocessing=PREPROCESSING)
    assert not list(tmp_path.iterdir())


def test_all_layers_that_are_missing_are_named_at_once(tmp_path):
    def build(x):
        for number in range(7):
            x = layers.UnitNormalization((1, 2), name=f"unit{number}")(x)
        x = layers.Dense(2, "sparsemax", name="other")(layers.MultiHeadAttention(1, 2, name="attention")(x, x))
        return layers.Dense(2, "sparsemax", name="another")(x)

    with pytest.raises(ExportError) as refused:
        export(functional((8, 8, 2), build), tmp_path / "m.safetensors")
    text = str(refused.value)
    assert "7 layers unit0, unit1, unit2, unit3, unit4, ...: " in text
    assert "layer attention: a model file has no operation for MultiHeadAttention" in text
    assert "layer other: " in text
    assert "layer another: " in text
    assert text.count("Supported: Absolute, ") == 1
    assert not list(tmp_path.iterdir())
