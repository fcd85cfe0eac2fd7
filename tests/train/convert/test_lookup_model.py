"""lookup_model: what it replaces, what it leaves and why, and how near the start is to the trained network."""

import keras
import numpy as np
import pytest
import scipy.linalg
from keras import layers

from lcnn_train import LookupConv2D, LookupDense, export, lookup_model, lookup_report, verify
from lcnn_train.layers import sparsity
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


def images(digits, shape):
    top, left = (28 - shape[0]) // 2, (28 - shape[1]) // 2
    x = digits.images[:6, top : top + shape[0], left : left + shape[1], None].astype(np.float32) / 255
    return np.repeat(x, shape[2], axis=-1) * np.linspace(1, 0.5, shape[2], dtype=np.float32)


def change(model, lookups, x):
    """The largest change of an output, as a part of the largest output."""
    before, after = (keras.tree.flatten(m.predict(x, verbose=0)) for m in (model, lookups))
    return max(np.abs(a - b).max() / np.abs(a).max() for a, b in zip(before, after, strict=True))


def rows(model):
    return {row.name: row for row in lookup_report(model).layers}


def composed(layer):
    """P D as a dense kernel of the layer's shape."""
    P = numpy_of(layer.sparse_P()).astype(np.float64)
    D = np.eye(layer.atoms) if layer.D is None else numpy_of(layer.D).reshape(layer.D.shape[-2:]).T
    return np.einsum("...kn,km->...mn", P, D)


def test_one_number_for_all_layers():
    model = small()
    lookups = lookup_model(model, dictionary=12)
    assert [layer.name for layer in lookups.layers] == [layer.name for layer in model.layers]
    assert lookups.name == "small"
    kinds = {name: type(lookups.get_layer(name)) for name in ("conv1", "conv2", "fc1", "fc2")}
    assert kinds == {"conv1": LookupConv2D, "conv2": LookupConv2D, "fc1": LookupDense, "fc2": layers.Dense}
    conv1, conv2, fc1 = (lookups.get_layer(name) for name in ("conv1", "conv2", "fc1"))
    assert (conv1.dictionary, conv2.dictionary, fc1.dictionary) == (1, 12, 12)
    assert (conv1.strides, conv1.padding, conv1.activation) == ((2, 2), "same", keras.activations.relu)
    assert (conv2.l1, conv2.threshold) == (0.3, 0.001)
    assert "stays dense unless" in rows(lookups)["fc2"].why
    assert "one input channel" in rows(lookups)["conv1"].why
    np.testing.assert_array_equal(numpy_of(lookups.get_layer("fc2").kernel), numpy_of(model.get_layer("fc2").kernel))


def test_a_dict_by_name_with_none_and_dense():
    lookups = lookup_model(small(), dictionary={"conv2": 6, "fc1": None, "conv1": "dense", "fc2": 4})
    assert type(lookups.get_layer("conv1")) is layers.Conv2D
    assert lookups.get_layer("conv2").dictionary == 6
    assert lookups.get_layer("fc1").D is None
    assert lookups.get_layer("fc2").dictionary == 4
    report = str(lookup_report(lookups))
    assert "`dictionary` says so" in report
    assert "none" in report
    assert rows(lookup_model(small(), dictionary={"conv2": 6}))["fc1"].why == "not in `dictionary`"


def test_a_function_of_the_layer():
    lookups = lookup_model(
        small(), dictionary=lambda layer: layer.filters if isinstance(layer, layers.Conv2D) else "dense", skip="conv1"
    )
    assert lookups.get_layer("conv2").dictionary == 12
    assert [type(lookups.get_layer(name)) for name in ("conv1", "fc1")] == [layers.Conv2D, layers.Dense]
    skipped = lookup_model(small(), dictionary=4, skip=lambda layer: layer.name.startswith("conv"))
    assert [row.lookup for row in lookup_report(skipped).layers] == [False, False, True, False]


def test_settings_by_name():
    lookups = lookup_model(
        small(),
        dictionary=6,
        l1={"conv2": 2.0},
        threshold={"fc1": 0.5},
        lookups_per_tap={"conv2": 2},
        groups_of={"conv2": 4, "fc1": 8},
    )
    conv1, conv2, fc1 = (lookups.get_layer(name) for name in ("conv1", "conv2", "fc1"))
    assert (conv1.l1, conv2.l1, fc1.threshold, conv2.threshold) == (0.3, 2.0, 0.5, 0.01)
    assert (conv1.lookups_per_tap, conv2.lookups_per_tap, conv2.groups_of, fc1.groups_of) == (None, 2, 4, 1)
    assert "groups_of 8 does not divide its 20 filters" in rows(lookups)["fc1"].why


def test_a_dictionary_that_saves_nothing_is_not_made():
    row = rows(lookup_model(small(), dictionary={"conv2": 12 * 9, "fc1": 19}))
    assert not row["conv2"].lookup
    assert row["conv2"].why == "k = 108 is not below n*kh*kw = 108: a dictionary saves nothing"
    assert row["fc1"].lookup


REASONS = {
    "depthwise": (layers.DepthwiseConv2D(3, name="a"), "DepthwiseConv2D has no lookup form"),
    "transposed": (layers.Conv2DTranspose(4, 3, name="a"), "Conv2DTranspose has no lookup form"),
    "separable": (layers.SeparableConv2D(4, 3, name="a"), "SeparableConv2D has no lookup form"),
    "grouped": (layers.Conv2D(4, 3, groups=2, name="a"), "a convolution in 2 groups"),
    "a lookup layer": (LookupConv2D(4, 3, 2, name="a"), "a lookup layer already"),
    "wrapped": (layers.TimeDistributed(layers.Dense(4), name="a"), "TimeDistributed has no lookup form"),
}


@pytest.mark.parametrize("name", REASONS)
def test_what_has_no_lookup_form_is_left_with_its_reason(name, digits):
    layer, reason = REASONS[name]
    model = keras.Sequential([keras.Input((12, 12, 4)), layer, layers.Conv2D(6, 3, name="b")])
    lookups = lookup_model(model, dictionary=4)
    assert rows(lookups)["a"].why == reason
    assert type(lookups.layers[0]) is type(layer)
    assert rows(lookups)["b"].lookup
    assert change(model, lookups, images(digits, (12, 12, 4))) < 1e-4


def test_a_subclass_of_a_layer_is_left():
    class Mine(layers.Conv2D):
        pass

    model = keras.Sequential([keras.Input((8, 8, 4)), Mine(4, 3, name="a"), layers.Conv2D(4, 3)])
    row = rows(lookup_model(model, dictionary=2))["a"]
    assert row.why == "Mine may compute anything: only Conv2D and Dense themselves are replaced"


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
    assert {name for name in row if row[name].lookup} == {"first", "inside", "shared", "gate", "features"}
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
