"""From Keras to the engine: AlexNets whole, the tensors of a file, and verify, which notices what differs."""

import keras
import numpy as np
import pytest
from keras import layers
from safetensors import safe_open

from lcnn_engine import Net, read_model
from lcnn_train import ExportError, LookupConv2D, LookupDense, export, verify
from lcnn_train.models import alexnet
from tests.helpers.exporting import PNGS, PREPROCESSING, exported, functional, lookup_layer, real_input
from tests.helpers.training import randomize

RGB = {**PREPROCESSING, "mode": "RGB", "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.25]}


@pytest.mark.parametrize(
    ("variant", "dtype"), [("fast", "float32"), ("fast", "float16"), ("accurate", "float32"), ("dense", "float32")]
)
def test_alexnets_at_five_percent(variant, dtype, tmp_path):
    """With random P at 5% density, on real digits: engine and Keras agree at every node."""
    channels = 1 if variant == "fast" else 3
    model = alexnet(variant, channels=channels, classes=10)
    randomize(model, 0.05)
    path = tmp_path / "alexnet.safetensors"
    export(model, path, list("0123456789"), PREPROCESSING if channels == 1 else RGB, dtype)
    result = verify(model, path, [str(png) for png in PNGS[:2]])
    names = "conv1 pool1 conv2 pool2 conv3 conv4 conv5 pool5 fc6 flatten fc7 fc8 probabilities"
    assert [node.name for node in result.nodes] == names.split()
    assert result.worst.ratio <= 1e-5
    assert all(node.largest > 0 for node in result.nodes)
    net = Net.load(path)
    assert net.labels == list("0123456789")
    assert net.predict(str(PNGS[0])).sum() == pytest.approx(1, abs=1e-5)


# ------------------------------------------------------------------------------------------------------- the tensors


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
    with pytest.raises(ExportError, match="Received: dtype='int8'"):
        export(model, "never.safetensors", dtype="int8")


# ---------------------------------------------------------------------------------------------------------- verify


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_verify_notices_another_models_file(dtype, tmp_path, digits):
    model = keras.Sequential([keras.Input((8, 8, 1)), LookupConv2D(4, 3, 3, name="a"), layers.Flatten()])
    randomize(model, 0.5)
    path = tmp_path / "m.safetensors"
    export(model, path, dtype=dtype)
    verify(model, path, real_input(digits, (8, 8, 1)))
    P = keras.ops.convert_to_numpy(model.layers[0].P)
    model.layers[0].P.assign(P * 1.01)
    with pytest.raises(ExportError, match=r"a/coefficients is not what this model holds"):
        verify(model, path, real_input(digits, (8, 8, 1)))


def test_verify_notices_a_difference(tmp_path, digits):
    """The same tensors, another activation: only the numbers tell."""
    plain = functional((8, 8, 1), lambda x: layers.Conv2D(4, 3, name="a")(x))
    export(plain, tmp_path / "m.safetensors")
    other = functional((8, 8, 1), lambda x: layers.Conv2D(4, 3, activation="tanh", name="a")(x))
    other.set_weights(plain.get_weights())
    with pytest.raises(ExportError, match=r"expected engine and Keras within 1e-05.* at a"):
        verify(other, tmp_path / "m.safetensors", real_input(digits, (8, 8, 1)))
