"""lookup_model: how near the start is to the trained network, what is copied, and what is refused."""

import warnings

import keras
import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf
from keras import layers

from lcnn_train import LookupConv2D, export, lookup_model, lookup_report, verify
from lcnn_train.layers import sparsity
from tests.helpers.converting import change, images, rows
from tests.helpers.training import WatchZeros, numpy_of, small


def branched():
    """Models inside, a layer that is shared, branches, every kind of layer that stays, two outputs."""
    image = keras.Input((20, 20, 3), name="image")
    inner = keras.Sequential(
        [keras.Input((10, 10, 16)), layers.Conv2D(16, 3, padding="same", name="inside"), layers.ReLU()], name="inner"
    )
    shared = layers.Conv2D(16, 1, name="shared")
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(image)
    x = layers.Conv2D(16, 3, strides=2, activation="relu", name="first")(x)
    x = layers.Add(name="sum")([inner(x), shared(x), shared(inner(x))])
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = layers.SeparableConv2D(24, 3, name="separable")(x)
    x = layers.Conv2D(24, 3, groups=4, name="grouped")(x)
    pooled = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Multiply()([x, layers.Dense(24, "sigmoid", name="gate")(pooled)])
    x = layers.Concatenate()([layers.MaxPooling2D()(x), layers.AveragePooling2D(2)(x)])
    features = layers.Dense(40, name="features")(layers.Flatten()(x))
    heads = [layers.Dense(5, "softmax", name="classes")(features), layers.Dense(2, name="place")(features)]
    return keras.Model(image, heads, name="branched")


def composed(layer):
    """P D as a dense kernel of the layer's shape."""
    P = numpy_of(layer.sparse_P()).astype(np.float64)
    D = np.eye(layer.atoms) if layer.D is None else numpy_of(layer.D).reshape(layer.D.shape[-2:]).T
    return np.einsum("...kn,km->...mn", P, D)


@pytest.mark.parametrize("settings", [{}, {"threshold": 0, "l1": 0}])
def test_as_many_atoms_as_channels_change_nothing(settings, digits):
    """At the default threshold and without one: <= 1e-4 of the output, with models inside and shared layers too."""
    model = small()
    lookups = lookup_model(model, dictionary={"conv1": 1, "conv2": 8}, **settings)
    assert change(model, lookups, images(digits, (28, 28, 1))) <= 1e-4
    model = branched()
    sizes = {"first": 3, "inside": 16, "shared": 15, "gate": 23}
    lookups = lookup_model(model, dictionary={**sizes, "classes": 4}, skip=["shared", "gate", "classes"], **settings)
    assert change(model, lookups, images(digits, (20, 20, 3))) <= 1e-4


def test_more_atoms_than_channels_change_nothing_either(digits):
    model = small()
    lookups = lookup_model(model, dictionary={"conv2": 20}, threshold=0)
    assert change(model, lookups, images(digits, (28, 28, 1))) <= 1e-5


@pytest.mark.parametrize("k", [1, 3, 6])
def test_fewer_atoms_err_as_svd_does(k):
    model = small()
    lookups = lookup_model(model, dictionary=k)
    for name in ("conv2", "fc1"):
        W = numpy_of(model.get_layer(name).kernel).astype(np.float64)
        values = scipy.linalg.svdvals(np.moveaxis(W, -2, -1).reshape(-1, W.shape[-2]))
        optimum = np.sqrt(np.square(values[k:]).sum() / np.square(values).sum())
        found = np.linalg.norm(W - composed(lookups.get_layer(name))) / np.linalg.norm(W)
        assert found == pytest.approx(optimum, rel=1e-4)
        assert rows(lookups)[name].error == pytest.approx(found, abs=1e-6)


def test_the_start_lies_where_the_threshold_expects_it():
    """P's root mean square is sigma, D's rows are of one length."""
    layer = lookup_model(small(), dictionary=6).get_layer("conv2")
    P = numpy_of(layer.P)
    assert np.sqrt(np.square(P).mean()) == pytest.approx(sparsity.sigma(P.shape), rel=1e-5)
    lengths = np.linalg.norm(numpy_of(layer.D)[0, 0], axis=0)
    assert lengths == pytest.approx(np.full(6, lengths[0]), rel=1e-5)


def test_a_given_number_of_lookups():
    lookups = lookup_model(small(), dictionary=8, lookups_per_tap=2, groups_of=4)
    for name in ("conv2", "fc1"):
        layer = lookups.get_layer(name)
        kept = numpy_of(layer.surviving())
        assert (kept.sum(axis=-2) == 2).all()
        groups = kept.reshape(*kept.shape[:-1], -1, 4)
        assert (groups == groups[..., :1]).all()
        assert rows(lookups)[name].lookups == kept.sum()
        assert 0 < rows(lookups)[name].error < 1


def test_biases_and_what_surrounds_the_layers_are_kept(digits):
    model = small(bias_initializer="random_normal", bias_regularizer="l2", kernel_regularizer="l1", trainable=False)
    model.get_layer("norm").moving_mean.assign(np.arange(8) / 10)
    lookups = lookup_model(model, dictionary=6)
    conv2 = lookups.get_layer("conv2")
    np.testing.assert_array_equal(numpy_of(conv2.bias), numpy_of(model.get_layer("conv2").bias))
    np.testing.assert_array_equal(numpy_of(lookups.get_layer("norm").moving_mean), np.float32(np.arange(8) / 10))
    assert isinstance(conv2.bias_regularizer, keras.regularizers.L2)
    assert not conv2.trainable
    assert rows(lookups)["conv2"].why == "kernel_regularizer is not carried over"


def test_a_normalization_that_was_adapted(digits):
    norm = layers.Normalization(name="scale")
    norm.adapt(images(digits, (12, 12, 3)))
    model = keras.Sequential([keras.Input((12, 12, 3)), norm, layers.Conv2D(4, 3)])
    assert change(model, lookup_model(model, dictionary=3), images(digits, (12, 12, 3))) <= 1e-4


def test_a_function_of_ones_own(digits):
    """A Lambda, which Keras makes from no config, with the names around it; the model's own layer is not touched."""
    factor = 0.5
    image = keras.Input((12, 12, 3))
    x = layers.Lambda(lambda v, plus: factor * v + plus, arguments={"plus": 0.1}, output_shape=(12, 12, 3))(image)
    x = layers.Lambda(lambda v: keras.ops.abs(v), output_shape=lambda shape: shape, name="size")(x)
    model = keras.Model(image, layers.Conv2D(4, 3)(x))
    assert change(model, lookup_model(model, dictionary=3), images(digits, (12, 12, 3))) <= 1e-4
    assert model.get_layer("size").output.shape == (None, 12, 12, 3)


def test_from_noise():
    model = small()
    lookups = lookup_model(model, dictionary=6, from_weights=False)
    P = numpy_of(lookups.get_layer("conv2").P)
    assert np.abs(P).max() <= sparsity.sigma(P.shape)
    assert rows(lookups)["conv2"].error is None
    np.testing.assert_array_equal(numpy_of(lookups.get_layer("fc2").kernel), numpy_of(model.get_layer("fc2").kernel))


def test_the_model_itself_stays_as_it_was():
    """Compiled with a loss that Keras cannot name, too; the copy has to be compiled."""
    model = small()
    model.compile("sgd", loss=lambda true, found: keras.ops.sum(found))
    weights = model.get_weights()
    lookups = lookup_model(model, dictionary=6)
    assert model.compiled
    assert not lookups.compiled
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_models_inside_layers_shared_and_several_outputs(digits):
    model = branched()
    lookups = lookup_model(model, dictionary=8, threshold=0)
    inside = lookups.get_layer("inner").get_layer("inside")
    assert isinstance(inside, LookupConv2D)
    assert isinstance(lookups.get_layer("shared"), LookupConv2D)
    assert [tuple(output.shape) for output in lookups.outputs] == [(None, 5), (None, 2)]
    row = rows(lookups)
    assert {name for name in row if row[name].lookup} == {"first", "inside", "shared", "separable", "gate", "features"}
    assert all("stays dense" in row[name].why for name in ("classes", "place"))
    layer_inputs = lookups.get_layer("shared")._inbound_nodes
    assert len(layer_inputs) == 2
    x = images(digits, (20, 20, 3))
    assert all(np.isfinite(y).all() for y in lookups.predict(x, verbose=0))


def test_saved_loaded_and_trained_without_custom_objects(tmp_path, digits):
    """Plain fit: lookups that are gone stay gone, and 50 digits are learned again."""
    keras.utils.set_random_seed(1)
    x, y = digits.images[..., None].astype(np.float32) / 255, digits.labels.astype(np.int64)
    model = small()
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(x, y, epochs=20, batch_size=10, verbose=0)
    assert (model.predict(x, verbose=0).argmax(-1) == y).mean() >= 0.96
    lookup_model(model, dictionary=6, lookups_per_tap=2, groups_of=2).save(tmp_path / "lookups.keras")
    lookups = keras.models.load_model(tmp_path / "lookups.keras")
    start = (lookups.predict(x, verbose=0).argmax(-1) == y).mean()
    before = {layer.name: numpy_of(layer.surviving()) for layer in sparsity.lookup_layers(lookups)}
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9, weight_decay=1e-4)
    lookups.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
    lookups.fit(x, y, epochs=15, batch_size=10, verbose=0, callbacks=[WatchZeros()])
    for layer in sparsity.lookup_layers(lookups):
        np.testing.assert_array_equal(numpy_of(layer.surviving()), before[layer.name])
    assert start > 0.5
    assert (lookups.predict(x, verbose=0).argmax(-1) == y).mean() >= 0.96


EXPORTED = {
    "svd": {"dictionary": 8},
    "s lookups in groups": {"dictionary": 8, "lookups_per_tap": 2, "groups_of": 4},
    "no dictionary": {"dictionary": None, "lookups_per_tap": 2},
    "a wide threshold": {"dictionary": 8, "threshold": 0.5},
}


@pytest.mark.parametrize("name", EXPORTED)
def test_a_converted_model_is_the_same_in_the_engine(name, tmp_path, digits):
    """Sequential, and with branches, models inside, shared layers and every operation between: at every node."""
    model = branched()
    for built, shape in ((small(), (28, 28, 1)), (keras.Model(model.input, model.outputs[0]), (20, 20, 3))):
        lookups = lookup_model(built, **EXPORTED[name])
        export(lookups, tmp_path / "model.safetensors")
        result = verify(lookups, tmp_path / "model.safetensors", images(digits, shape))
        assert result.worst.ratio <= 1e-5


def test_filters_of_a_group_share_indices_in_the_file(tmp_path):
    from lcnn_engine import read_model

    lookups = lookup_model(small(), dictionary=8, lookups_per_tap=2, groups_of=4)
    export(lookups, tmp_path / "model.safetensors")
    tensors = read_model(tmp_path / "model.safetensors")[1]
    indices = np.split(tensors["conv2/indices"], tensors["conv2/indptr"][1:-1])
    assert len(indices) == 12
    for filters in range(0, 12, 4):
        assert all(np.array_equal(indices[filters], indices[filters + i]) for i in range(4))


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(4, 3)

    def call(self, x):
        return self.conv(x)


def own_call():
    class Doubling(keras.Model):
        def call(self, x, training=None):
            return 2 * super().call(x)

    image = keras.Input((8, 8, 1))
    return Doubling(image, layers.Conv2D(4, 3)(image), name="doubling")


REFUSED = {
    "a subclassed model": (Own, r"expected a Sequential or functional model, found own, a Own .* keras\.Input"),
    "a functional model with a call of its own": (own_call, r"found doubling, a Doubling that calls its layers"),
    "one inside": (lambda: keras.Sequential([keras.Input((8, 8, 1)), own_call()]), "found doubling"),
    "no input shape": (
        lambda: keras.Sequential([layers.Conv2D(4, 3)], name="open"),
        r"expected a model whose input shape is known, found open; begin it with keras\.Input",
    ),
    "no model": (lambda: layers.Conv2D(4, 3), "expected a Keras model, found Conv2D"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_models_that_cannot_be_converted(name):
    build, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        lookup_model(build(), dictionary=4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dictionary": {"conv3": 4}}, r"dictionary: the model has no layer with a kernel named 'conv3'.*'conv\d'\?"),
        ({"dictionary": {"flatten": 4}}, "dictionary: the model has no layer with a kernel named 'flatten'"),
        ({"dictionary": 4, "skip": ["fc_1"]}, "skip: the model has no layer named 'fc_1'; did you mean 'fc1'"),
        ({"dictionary": 4, "skip": "fc_1"}, "skip: the model has no layer named 'fc_1'"),
        ({"dictionary": 4, "l1": {"con2": 1}}, "l1: the model has no layer with a kernel named 'con2'"),
        ({"dictionary": 0}, "layer conv1: dictionary must be an integer of at least 1, None .* Received: 0"),
        ({"dictionary": {"conv2": "all"}}, "layer conv2: dictionary must be .* Received: 'all'"),
        ({"dictionary": {"conv2": 2.5}}, "layer conv2: dictionary must be .* Received: 2.5"),
        ({"dictionary": lambda layer: True}, "layer conv1: dictionary must be .* Received: True"),
        ({"dictionary": 4, "lookups_per_tap": 0}, "lookups_per_tap must be .* Received: lookups_per_tap=0"),
        ({"dictionary": 4, "groups_of": 0}, "groups_of must be .* Received: groups_of=0"),
        ({"dictionary": 4, "l1": -1}, "l1 must be .* Received: l1=-1"),
    ],
)
def test_arguments_that_make_no_model(arguments, message):
    with pytest.raises(ValueError, match=message):
        lookup_model(small(), **arguments)


def test_nothing_to_replace_is_said():
    with pytest.warns(UserWarning, match="lookup_model replaced no layer of small"):
        lookup_model(small(), dictionary={})


def test_a_start_far_from_the_weights_is_said():
    """Of orthogonal rows, k of m atoms keep k / m of the squares: the error is known."""
    model = keras.Sequential(
        [keras.Input((4, 4, 16)), *(layers.Conv2D(16, 1, use_bias=False, name=name) for name in "abc")]
    )
    for layer in model.layers:
        layer.kernel.assign(np.eye(16, dtype=np.float32)[None, None])
    with pytest.warns(UserWarning, match=r"2 of 3 .* than 0\.5 .*\(by a 0\.94, b 0\.61\).* a larger dictionary, more"):
        lookups = lookup_model(model, dictionary={"a": 2, "b": 10, "c": 13})
    assert [layer.name for layer in lookup_report(lookups).far] == ["a", "b"]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert lookup_report(lookup_model(model, dictionary=13)).far == ()
        lookup_model(model, dictionary=2, from_weights=False)


class Penalised(keras.Model):
    """Keras copies its class: it is made as keras.Model is."""

    def train_step(self, data):
        return {"mine": keras.ops.convert_to_tensor(7.0)}


class Weighted(Penalised):
    """Keras does not: its __init__ wants more."""

    def __init__(self, inputs, outputs, weight=1.0, **kwargs):
        super().__init__(inputs, outputs, **kwargs)
        self.weight = weight


class Stepped(keras.Sequential):
    def test_step(self, data):
        return {"mine": keras.ops.convert_to_tensor(7.0)}


def test_a_training_step_of_ones_own_is_kept_or_missed():
    image = keras.Input((8, 8, 1))
    result = layers.Dense(3)(layers.Flatten()(layers.Conv2D(8, 3)(image)))
    kept = lookup_model(Penalised(image, result), dictionary=4)
    kept.compile("sgd", "mse")
    assert kept.fit(np.zeros((2, 8, 8, 1)), np.zeros((2, 3)), verbose=0).history["mine"] == [7.0]
    assert lookup_report(kept).note == ""
    for model, missed in (
        (Weighted(image, result, 0.5), "a plain Functional, without train_step of Weighted; to train by that"),
        (Stepped([keras.Input((8, 8, 1)), layers.Conv2D(8, 3)]), "a plain Sequential, without test_step of Stepped"),
    ):
        with pytest.warns(UserWarning, match=missed):
            lookups = lookup_model(model, dictionary=4)
        assert missed in str(lookup_report(lookups))


def test_only_what_lookup_model_made_has_a_report():
    with pytest.raises(ValueError, match="expected the model that lookup_model returned, found small"):
        lookup_report(small())


def test_a_bar_in_a_terminal_only(monkeypatch, capsys):
    lookup_model(small(), dictionary=4)
    assert not capsys.readouterr().err
    monkeypatch.setenv("FORCE_COLOR", "1")
    lookup_model(small(), dictionary=4)
    assert "factoring" in capsys.readouterr().err


@pytest.mark.parametrize("function", [tf.nn.silu, tf.nn.softmax])
def test_an_activation_whose_name_keras_does_not_know(function):
    """In a layer that is replaced, and in one that is copied."""
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation=function, name="a")(image)
    model = keras.Model(image, layers.DepthwiseConv2D(3, activation=function)(x))
    x = np.random.default_rng(0).standard_normal((2, 8, 8, 3)).astype(np.float32)
    assert np.allclose(lookup_model(model, {"a": 3}, threshold=0)(x), model(x), atol=1e-5)


@pytest.mark.parametrize("arguments", [{"budget": 0.3}, {"error": 0.2}])
@pytest.mark.parametrize("inside", ["functional", "sequential"])
def test_a_model_of_any_size_inside_costs_what_it_does_in_its_place(inside, arguments):
    """As the base of transfer learning: sizes are those of the call, and the choices those of a base that has them."""

    def built(shape):
        image = keras.Input((*shape, 3))
        x = layers.ReLU()(layers.Conv2D(8, 3, 2, name="a")(image))
        base = keras.Model(image, layers.Conv2D(12, 3, activation="relu", name="b")(x))
        rest = [layers.GlobalAveragePooling2D(), layers.Dense(3, name="c")]
        image = keras.Input((15, 12, 3))
        if inside == "sequential":
            return keras.Sequential([image, base, *rest])
        return keras.Model(image, rest[1](rest[0](base(image, training=False))))

    known, of_any_size = built((15, 12)), built((None, None))
    of_any_size.set_weights(known.get_weights())
    first, second = (lookup_report(lookup_model(model, **arguments)) for model in (known, of_any_size))
    assert first.layers == second.layers
    assert [row.lookup for row in first.layers] == [True, True, False]
