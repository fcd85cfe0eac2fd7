"""verify notices what differs between a model file and its Keras model, where it differs, and nothing else."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from lcnn_engine import read_model, write_model
from lcnn_engine.cli import main
from lcnn_engine.format.graph_json import graph_to_object
from lcnn_train import ExportError, LookupConv2D, LookupDense, export, verify
from tests.helpers.exporting import functional, real_input
from tests.helpers.training import randomize


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


def test_a_file_of_other_nodes_is_named(tmp_path, digits):
    export(functional((8, 8, 1), lambda x: layers.MaxPooling2D(name="a")(x)), tmp_path / "m.safetensors")
    other = functional((8, 8, 1), lambda x: layers.MaxPooling2D(name="b")(x))
    with pytest.raises(ExportError, match=r"expected the nodes \['b'\] of this model, found \['a'\]"):
        verify(other, tmp_path / "m.safetensors", real_input(digits, (8, 8, 1)))


def small(**options):
    """Every kind of layer with weights, norms folded and not, on (12, 12, 3)."""

    def build(x):
        x = layers.Conv2D(16, 3, padding="same", use_bias=False, name="first", **options)(x)
        x = layers.ReLU()(layers.BatchNormalization(name="norm")(x))
        x = layers.Conv2D(24, 3, 2, padding="same", activation="silu", name="second", **options)(x)
        x = LookupConv2D(20, 3, 12, padding="same", activation="relu6", name="third", **options)(x)
        x = layers.DepthwiseConv2D(3, name="depthwise", **options)(x)
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        x = LookupDense(16, 8, name="fourth", **options)(x)
        return layers.Dense(5, "softmax", name="last", **options)(x)

    keras.utils.set_random_seed(5)
    model = functional((12, 12, 3), build)
    randomize(model, 0.4)
    norms_of(model)
    return model


def norms_of(model):
    """Give every batch norm random statistics."""
    rng = np.random.default_rng(2)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            shape = layer.moving_mean.shape
            layer.moving_mean.assign(rng.normal(0, 0.3, shape))
            layer.moving_variance.assign(rng.uniform(0.3, 2, shape))
            if layer.gamma is not None:
                layer.gamma.assign(rng.uniform(0.5, 1.5, shape))
            layer.beta.assign(rng.normal(0, 0.3, shape))


def noise(shape, count=2):
    return np.random.default_rng(1).standard_normal((count, *shape)).astype(np.float32)


def _one_weight(name):
    def change(graph, tensors):
        values = tensors[name]
        at = values.size // 2
        values.flat[at] += 0.01 * np.abs(values).max()

    return change


def _swapped(name):
    def change(graph, tensors):
        tensors[name] = np.ascontiguousarray(tensors[name].swapaxes(2, 3))

    return change


def _attribute(name, key, value):
    def change(graph, tensors):
        next(node for node in graph["nodes"] if node["name"] == name)[key] = value

    return change


FAULTS = {
    "a weight": ("first", _one_weight("first/kernel")),
    "a weight in the middle": ("second", _one_weight("second/kernel")),
    "a coefficient": ("third", _one_weight("third/coefficients")),
    "an atom": ("third", _one_weight("third/dictionary")),
    "a depthwise weight": ("depthwise", _one_weight("depthwise/kernel")),
    "a coefficient of a vector": ("fourth", _one_weight("fourth/coefficients")),
    "a weight of the last layer": ("last_logits", _one_weight("last_logits/kernel")),
    "a bias": ("first", _one_weight("first/bias")),
    "height and width": ("second", _swapped("second/kernel")),
    "height and width, depthwise": ("depthwise", _swapped("depthwise/kernel")),
    "a padding": ("second", _attribute("second", "padding", [1, 0, 1, 0])),
    "a padding of lookups": ("third", _attribute("third", "padding", [2, 0, 1, 1])),
    "no activation": ("second", _attribute("second", "activation", "linear")),
    "no relu": ("first", _attribute("first", "activation", "linear")),
}


@pytest.mark.parametrize(
    ("fault", "dtype"), [*((fault, "float32") for fault in FAULTS), ("an atom", "float16"), ("a weight", "float16")]
)
def test_a_fault_is_found_where_it_is_and_nowhere_else(fault, dtype, tmp_path, monkeypatch):
    """By the numbers alone: that the tensors are others is not asked here."""
    name, change = FAULTS[fault]
    model, path = small(), tmp_path / "m.safetensors"
    export(model, path, dtype=dtype)
    assert verify(model, path, noise((12, 12, 3))).worst.share <= 1
    graph, tensors = read_model(path)
    right = dict(tensors)
    graph, tensors = graph_to_object(graph), {key: tensor.copy() for key, tensor in tensors.items()}
    change(graph, tensors)
    write_model(graph, tensors, tmp_path / "wrong.safetensors")
    module = sys.modules[verify.__module__]
    monkeypatch.setattr(module, "_check_same", lambda *_: None)
    if dtype == "float16":  # what the model's rounded copy carries
        rounded = module._stored_dtypes(path)
        monkeypatch.setattr(module, "_stored_dtypes", lambda _: rounded)
        monkeypatch.setattr(module, "read_model", lambda _: (None, right))
    with pytest.raises(ExportError, match=rf" at {name} \(Keras' own"):
        verify(model, tmp_path / "wrong.safetensors", noise((12, 12, 3)))


def test_a_changed_tensor_is_named_before_anything_runs(tmp_path):
    model, path = small(), tmp_path / "m.safetensors"
    export(model, path)
    graph, tensors = read_model(path)
    tensors["second/kernel"].flat[7] *= np.float32(1.01)
    write_model(graph, tensors, path)
    with pytest.raises(ExportError, match="second/kernel is not what this model holds; export it again"):
        verify(model, path, noise((12, 12, 3)))


def test_mixed_precision_is_held_to_its_weights(tmp_path):
    """Keras' own results are off by a thousandth, and so said; the engine's are not."""
    model = small(dtype="mixed_float16")
    export(model, tmp_path / "m.safetensors")
    result = verify(model, tmp_path / "m.safetensors", noise((12, 12, 3)))
    assert max(node.ratio for node in result.nodes) <= 1e-5
    assert max(node.keras_ratio for node in result.nodes) > 1e-4
    assert "Keras computes small in float16, the engine in float32" in str(result)


@pytest.mark.parametrize("function", [tf.nn.silu, tf.nn.softmax, tf.nn.leaky_relu, keras.ops.hard_silu])
def test_an_activation_that_is_a_plain_function(function, tmp_path):
    """Keras, which must copy the model, knows such functions by no name."""
    model = functional((8, 8, 3), lambda x: layers.Activation(function)(layers.Conv2D(4, 3, activation=function)(x)))
    export(model, tmp_path / "m.safetensors")
    assert verify(model, tmp_path / "m.safetensors", noise((8, 8, 3))).worst.share <= 1


def test_rounding_is_shown_beside_keras(tmp_path):
    model = small()
    export(model, tmp_path / "m.safetensors")
    result = verify(model, tmp_path / "m.safetensors", noise((12, 12, 3)))
    assert 0 < max(node.keras for node in result.nodes) < 1e-5
    assert all("(Keras' own" in line for line in str(result).splitlines())
    assert (result.notes, result.float16_change) == ((), None)


def test_rounding_that_the_next_layer_makes_large_is_no_fault(tmp_path, digits):
    """Differences of nearly equal values: the output is a thousandth of what was summed."""
    rng = np.random.default_rng(3)
    half = rng.standard_normal((3, 3, 32, 16))
    near = half + 1e-3 * rng.standard_normal(half.shape)
    model = functional(
        (12, 12, 32),
        lambda x: layers.Conv2D(16, 1, use_bias=False, name="less")(layers.Conv2D(32, 3, use_bias=False)(x)),
    )
    model.set_weights([np.concatenate([half, near], -1), np.concatenate([np.eye(16), -np.eye(16)])[None, None]])
    export(model, tmp_path / "m.safetensors")
    x = noise((12, 12, 32))
    assert verify(model, tmp_path / "m.safetensors", x).worst.share <= 1
    assert main(["verify", str(tmp_path / "m.safetensors")]) == 0


def test_an_overflow_that_keras_has_too_is_the_models(tmp_path):
    """Exporting it again would mend nothing; where the file is wrong as well, that comes first."""

    def build(x):
        return layers.Conv2D(4, 3, name="second")(layers.Conv2D(4, 3, name="first")(x))

    model, path = functional((8, 8, 3), build), tmp_path / "m.safetensors"
    for name in ("first", "second"):
        kernel = model.get_layer(name).kernel
        kernel.assign(kernel * 1e25)
    export(model, path)
    with pytest.raises(
        ExportError, match=r"overflow at second \(up to \d\.\de\+\d\d in float64\), in Keras'"
    ) as caught:
        verify(model, path, noise((8, 8, 3)))
    assert "again" not in str(caught.value)
    other = functional(
        (8, 8, 3), lambda x: layers.Conv2D(4, 3, 1, name="second")(layers.ReLU()(layers.Conv2D(4, 3, name="first")(x)))
    )
    other.set_weights(model.get_weights())
    with pytest.raises(ExportError, match=r" at first and at 1 more \(Keras' own"):
        verify(other, path, noise((8, 8, 3)))
