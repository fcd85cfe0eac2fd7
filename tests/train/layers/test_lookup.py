"""The lookup layers: what they compute, how P becomes sparse and stays so, and how they are saved."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from lcnn_engine.model.reference import lookup_conv2d as reference_lookup_conv2d
from lcnn_train import LookupConv2D, LookupDense
from lcnn_train.layers import sparsity
from tests.helpers.training import WatchZeros, numpy_of, randomize, slope, some_places


def naive(layer, X):
    """The layer's definition: S = X * D at stride 1 on the padded image, then P tap by tap, in float64."""
    kh, kw = layer.kernel_size
    top, bottom, left, right = layer.explicit_padding(X.shape)
    padded = np.pad(X.astype(np.float64), ((0, 0), (top, bottom), (left, right), (0, 0)))
    S = padded @ numpy_of(layer.D)[0, 0].astype(np.float64)
    P = numpy_of(layer.sparse_P()).astype(np.float64)
    _, height, width, n = layer.compute_output_shape(X.shape)
    Y = np.zeros((len(X), height, width, n))
    for r in range(kh):
        for c in range(kw):
            y, x = r * layer.dilation_rate[0], c * layer.dilation_rate[1]
            rows = S[:, y : y + (height - 1) * layer.strides[0] + 1 : layer.strides[0]]
            Y += rows[:, :, x : x + (width - 1) * layer.strides[1] + 1 : layer.strides[1]] @ P[r, c]
    return Y + (0 if layer.bias is None else numpy_of(layer.bias))


def built(layer, shape, density=0.3):
    model = keras.Sequential([keras.Input(shape), layer])
    randomize(model, density)
    return model


@pytest.mark.parametrize(
    "arguments",
    [
        {"dictionary": 4},
        {"dictionary": 2},
        {"dictionary": 9},  # more rows than channels: D and P are composed
        {"dictionary": 9, "padding": "same", "strides": 2},
        {"dictionary": 4, "padding": "same", "strides": (2, 3)},
        {"dictionary": 4, "padding": (0, 1, 2, 3), "strides": 2},
        {"dictionary": 9, "padding": (3, 0, 0, 1)},
        {"dictionary": 4, "padding": "same", "dilation_rate": 2},
        {"dictionary": 4, "dilation_rate": (1, 3), "use_bias": False},
        {"dictionary": 3, "kernel_size": (10, 12)},  # the kernel covers the image: a matrix product
        {"dictionary": 3, "kernel_size": (11, 13), "padding": (1, 0, 1, 0)},
        {"dictionary": 3, "kernel_size": (1, 5)},
    ],
)
def test_convolution_computes_its_definition(arguments):
    layer = LookupConv2D(**{"filters": 6, "kernel_size": 3, "bias_initializer": "random_normal", **arguments})
    model = built(layer, (10, 12, 5))
    X = np.random.default_rng(1).normal(size=(3, 10, 12, 5)).astype(np.float32)
    Y = numpy_of(model(X))
    assert Y.shape == layer.compute_output_shape(X.shape)
    np.testing.assert_allclose(Y, naive(layer, X), rtol=0, atol=1e-5 * np.abs(Y).max())


def test_convolution_agrees_with_the_engines_reference(digits):
    """The engine's NumPy reference on the same lookups, on a real digit."""
    layer = LookupConv2D(8, 5, 3, strides=2, padding=(2, 1, 0, 2), activation="relu", bias_initializer="random_normal")
    model = built(layer, (28, 28, 1))
    X = digits.images[0][..., None].astype(np.float32) / 255
    P = numpy_of(layer.sparse_P()).reshape(-1, 8).T
    indptr = np.concatenate([[0], np.cumsum((P != 0).sum(1))])
    expected = reference_lookup_conv2d(
        X,
        dictionary=numpy_of(layer.D)[0, 0].T,
        indptr=indptr.astype(np.int32),
        indices=np.nonzero(P)[1].astype(np.int32),
        coefficients=P[P != 0],
        bias=numpy_of(layer.bias),
        filters=8,
        kernel_size=(5, 5),
        strides=(2, 2),
        padding=(2, 1, 0, 2),
        dilation=(1, 1),
        activation="relu",
    )
    Y = numpy_of(model(X[None]))[0]
    np.testing.assert_allclose(Y, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_dense_computes_its_definition():
    layer = LookupDense(7, 4, activation="relu", bias_initializer="random_normal")
    model = built(layer, (9,))
    X = np.random.default_rng(1).normal(size=(3, 9)).astype(np.float32)
    P = numpy_of(layer.sparse_P())
    Y = np.maximum(X @ numpy_of(layer.D) @ P + numpy_of(layer.bias), 0)
    np.testing.assert_allclose(numpy_of(model(X)), Y, atol=1e-5 * np.abs(Y).max())


def test_any_image_size_fits_a_layer_without_a_fixed_one():
    layer = LookupConv2D(4, 3, 9, padding="same", strides=2)
    model = built(layer, (None, None, 2))
    for size in (7, 8):
        X = np.random.default_rng(size).normal(size=(1, size, size, 2)).astype(np.float32)
        np.testing.assert_allclose(numpy_of(model(X)), naive(layer, X), atol=1e-5)


def test_start_of_the_weights():
    layer = LookupConv2D(200, 3, 10)
    layer.build((None, 8, 8, 16))
    sigma = 1 / np.sqrt(3 * 3 * 10)
    assert layer.epsilon == pytest.approx(0.01 * sigma)
    P, D = numpy_of(layer.P), numpy_of(layer.D)
    assert np.abs(P).max() == pytest.approx(sigma, rel=1e-2)
    assert np.abs(D).max() == pytest.approx(1 / np.sqrt(16), rel=5e-2)
    assert abs(P.mean()) < 0.02 * sigma
    assert P.std() == pytest.approx(sigma / np.sqrt(3), rel=2e-2)


def test_loss_is_on_surviving_entries_only():
    layer = LookupConv2D(5, 3, 4, l1=0.7, threshold=0.5)
    model = built(layer, (6, 6, 2), density=0.5)
    model(np.zeros((1, 6, 6, 2), np.float32))
    P = numpy_of(layer.P)
    kept = numpy_of(layer.alive) & (np.abs(P) > layer.epsilon)
    assert 0 < kept.sum() < numpy_of(layer.alive).sum()
    assert float(layer.losses[0]) == pytest.approx(0.7 * layer.epsilon * np.abs(P[kept]).sum(), rel=1e-5)
    assert len(model.losses) == 1


def test_no_loss_without_l1():
    model = built(LookupDense(5, 3, l1=0), (4,))
    model(np.zeros((1, 4), np.float32))
    assert model.losses == []


@pytest.mark.parametrize("dictionary", [2, 6])
def test_gradient_equals_finite_differences(dictionary):
    """In float64, of a smooth function of the output and the L1 loss; 0 at the entries that are zeroed."""
    settings = {"l1": 2.0, "threshold": 0.2, "activation": "tanh", "dtype": "float64"}
    layer = LookupConv2D(3, 3, dictionary, strides=2, padding="same", **settings)
    built(layer, (7, 7, 4), density=0.7)
    X = ops.convert_to_tensor(np.random.default_rng(3).normal(size=(2, 7, 7, 4)), "float64")

    def loss():
        return ops.sum(ops.square(layer(X))) + ops.sum(layer.losses[-1])

    with tf.GradientTape() as tape:
        value = loss()
    variables = [layer.D, layer.P, layer.bias]
    gradients = [numpy_of(g) for g in tape.gradient(value, [v.value for v in variables])]
    for variable, gradient in zip(variables, gradients, strict=True):
        for where in some_places(variable.shape, 30):
            expected = slope(loss, variable, where)
            assert gradient[where] == pytest.approx(expected, rel=1e-5, abs=1e-7)
    zeroed = ~numpy_of(layer.surviving())
    assert zeroed.any()
    assert not gradients[1][zeroed].any()
    assert gradients[1][~zeroed].all()


OPTIMIZERS = {
    "sgd with momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.95),
    "sgd with nesterov": lambda: keras.optimizers.SGD(0.05, momentum=0.95, nesterov=True),
    "sgd with weight decay": lambda: keras.optimizers.SGD(0.05, momentum=0.9, weight_decay=1e-2),
    "adam": lambda: keras.optimizers.Adam(0.01),
    "adamw": lambda: keras.optimizers.AdamW(0.01, weight_decay=1e-2),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.005, momentum=0.9),
    "averaging": lambda: keras.optimizers.SGD(0.05, momentum=0.9, use_ema=True, ema_momentum=0.9),
    "averaging that overwrites": lambda: keras.optimizers.Adam(
        0.01, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=2
    ),
    "accumulated gradients": lambda: keras.optimizers.SGD(0.05, momentum=0.9, gradient_accumulation_steps=2),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_entry_that_was_once_zero_stays_zero(name, digits):
    """Under plain fit; the watching callback only looks. Wide thresholds make many entries die on the way."""
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            LookupConv2D(8, 5, 3, strides=2, l1=3.0, threshold=0.2, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
            LookupDense(16, 6, l1=1.0, threshold=0.2, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(OPTIMIZERS[name](), "sparse_categorical_crossentropy")
    watch = WatchZeros()
    X = digits.images[..., None].astype(np.float32) / 255
    model.fit(X, digits.labels, epochs=6, batch_size=10, verbose=0, callbacks=[watch])
    assert watch.died_late > 50
    for layer in model.layers:  # averaging writes its averages into P when fit ends
        if hasattr(layer, "sparse_P"):
            assert not numpy_of(layer.sparse_P())[watch.zero[layer.name]].any()


def test_a_mask_is_needed():
    """The reason for it: without the mask the same optimizer revives entries, so the test above tests something."""
    P, velocity, epsilon = np.array([0.021, -0.5]), np.array([-0.02, 0.0]), 0.02
    P = P + velocity
    first = np.abs(P) <= epsilon
    for _ in range(3):
        velocity = 0.9 * velocity
        P = P + velocity
    assert first[0]
    assert abs(P[0]) > epsilon
    layer = LookupDense(1, 2, threshold=0.02 * np.sqrt(2), use_bias=False)
    layer.build((None, 1))
    assert layer.epsilon == pytest.approx(epsilon)
    layer.P.assign([[0.001], [-0.5]])
    layer.P.assign(layer.P.constraint(layer.P))
    layer.P.assign([[-0.05], [-0.5]])
    np.testing.assert_array_equal(numpy_of(layer.sparse_P()), np.float32([[0], [-0.5]]))


def test_an_entry_at_epsilon_is_zero_and_one_above_is_not():
    P = np.float32([-0.5, 0.5, 0.50001, -0.50001, 0])
    alive = np.ones(5, bool)
    np.testing.assert_array_equal(
        numpy_of(sparsity.survivors(P, alive, sparsity.Rule(0.5))), [False, False, True, True, False]
    )
    alive[2] = False
    np.testing.assert_array_equal(
        numpy_of(sparsity.sparsify(P, alive, sparsity.Rule(0.5))), np.float32([0, 0, 0, -0.50001, 0])
    )


def test_saved_and_loaded_without_custom_objects(tmp_path):
    """In another process that only imports lcnn_train: the same output, the same mask, and the same training."""
    model = keras.Sequential(
        [
            keras.Input((9, 9, 2)),
            LookupConv2D(4, 3, 5, strides=2, padding=(0, 1, 2, 0), l1=0.1, threshold=0.03, activation="relu"),
            LookupConv2D(4, 3, 3, padding="same", dilation_rate=2, use_bias=False),
            keras.layers.Flatten(),
            LookupDense(3, 2, l1=0.2, threshold=0.02, activation="tanh"),
        ]
    )
    randomize(model, 0.4)
    X = np.random.default_rng(0).normal(size=(2, 9, 9, 2)).astype(np.float32)
    np.savez(tmp_path / "expected.npz", X=X, Y=numpy_of(model(X)), alive=numpy_of(model.layers[0].alive))
    model.save(tmp_path / "model.keras")
    code = """
import sys, numpy as np, lcnn_train, keras
model = keras.models.load_model(sys.argv[1] + "/model.keras")
expected = np.load(sys.argv[1] + "/expected.npz")
np.testing.assert_array_equal(np.asarray(model(expected["X"])), expected["Y"])
np.testing.assert_array_equal(np.asarray(model.layers[0].alive), expected["alive"])
first, second, _, last = model.layers
assert (first.padding, first.strides, first.l1, first.threshold) == ((0, 1, 2, 0), (2, 2), 0.1, 0.03)
assert (second.dilation_rate, second.use_bias, last.units, last.dictionary) == ((2, 2), False, 3, 2)
model.compile("sgd", "mse")
model.fit(expected["X"], np.zeros((2, 3)), verbose=0)
assert not (np.asarray(first.alive) & ~expected["alive"]).any()
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_mixed_precision_prunes_by_the_same_threshold():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = LookupConv2D(4, 3, 3, threshold=0.5)
        model = built(layer, (6, 6, 2), density=0.9)
        assert model(np.ones((1, 6, 6, 2), np.float32)).dtype == "bfloat16"
        P = numpy_of(layer.P)
        np.testing.assert_array_equal(
            numpy_of(layer.surviving()), numpy_of(layer.alive) & (np.abs(P) > np.float32(layer.epsilon))
        )
    finally:
        keras.config.set_dtype_policy("float32")


CONV = {"filters": 4, "kernel_size": 3, "dictionary": 2}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dictionary": 0}, "dictionary must be an integer of at least 1. Received: dictionary=0"),
        ({"dictionary": 2.0}, r"dictionary must be .* Received: dictionary=2.0"),
        ({"dictionary": True}, r"Received: dictionary=True"),
        ({"filters": 0}, r"filters must be .* Received: filters=0"),
        ({"kernel_size": 0}, r"kernel_size must be .* Received: kernel_size=0"),
        ({"kernel_size": (3, 3, 3)}, r"kernel_size must be one integer or two. Received: kernel_size=\(3, 3, 3\)"),
        ({"strides": 0}, r"strides must be .* Received: strides=0"),
        ({"dilation_rate": (1, -1)}, r"Received: dilation_rate=-1"),
        ({"strides": 2, "dilation_rate": 2}, r"cannot be combined .* Received: strides=2, dilation_rate=2"),
        ({"padding": "full"}, r"padding must be .* Received: padding='full'"),
        ({"padding": (1, 1)}, r"four integers .* Received: padding=\(1, 1\)"),
        ({"padding": (1, 1, 1, -1)}, r"Received: padding=\(1, 1, 1, -1\)"),
        ({"l1": -1}, r"l1 must be .* Received: l1=-1"),
        ({"l1": float("nan")}, r"l1 must be .* Received: l1=nan"),
        ({"threshold": float("inf")}, r"threshold must be .* Received: threshold=inf"),
        ({"threshold": "0.1"}, r"threshold must be .* Received: threshold='0.1'"),
    ],
)
def test_arguments_that_make_no_convolution(arguments, message):
    with pytest.raises(ValueError, match=message):
        LookupConv2D(**{**CONV, **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"units": 0}, "units must be .* Received: units=0"), ({"dictionary": -3}, "Received: dictionary=-3")],
)
def test_arguments_that_make_no_dense_layer(arguments, message):
    with pytest.raises(ValueError, match=message):
        LookupDense(**{"units": 4, "dictionary": 2, **arguments})


def test_channels_must_be_known():
    with pytest.raises(ValueError, match="last axis of the input must have a fixed size"):
        LookupConv2D(**CONV).build((None, 8, 8, None))
