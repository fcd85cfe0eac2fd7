"""The NumPy reference against the TensorFlow operations that the format names as its definition."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from lcnn_engine.model import reference
from lcnn_engine.model.activations import ACTIVATION_FUNCTIONS
from lcnn_engine.model.graph import ACTIVATIONS


def close(ours: np.ndarray, theirs: tf.Tensor) -> None:
    """Within 1e-5 of the largest value, the tolerance of the whole project."""
    wanted = np.asarray(theirs)
    assert ours.shape == wanted.shape
    assert np.abs(ours - wanted).max() <= 1e-5 * np.abs(wanted).max()


def random(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation: str) -> None:
    x = np.concatenate([np.linspace(-9, 9, 181, dtype=np.float32), random(0, 200)])
    own = {
        "leaky_relu": lambda x: keras.ops.leaky_relu(x, negative_slope=0.3),
        "elu": lambda x: keras.ops.elu(x, alpha=0.3),
        "gelu_tanh": lambda x: keras.activations.gelu(x, approximate=True),
        **{name: getattr(keras.ops, name) for name in ("abs", "sqrt", "log")},
    }
    theirs = own[activation] if activation in own else keras.activations.get(activation)
    x = np.abs(x) + 0.1 if activation in ("sqrt", "log") else x
    alpha = 0.3 if ACTIVATION_FUNCTIONS[activation].takes_alpha else None
    close(reference.activation(x, activation=activation, alpha=alpha), theirs(x))


@pytest.mark.parametrize(
    ("strides", "dilation"), [((1, 1), (1, 1)), ((3, 3), (1, 1)), ((1, 1), (2, 3)), ((2, 2), (1, 1))]
)
@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 2, 0, 3)])
def test_conv2d(
    strides: tuple[int, int], dilation: tuple[int, int], groups: int, padding: tuple[int, int, int, int]
) -> None:
    x, kernel, bias = random(1, 11, 13, 6), random(2, 12, 6 // groups, 3, 2), random(3, 12)
    top, bottom, left, right = padding
    theirs = keras.ops.conv(
        np.pad(x, ((top, bottom), (left, right), (0, 0)))[None],
        kernel.transpose(2, 3, 1, 0),
        strides=strides,
        dilation_rate=dilation,
        padding="valid",
        data_format="channels_last",
    )
    ours = reference.conv2d(
        x, kernel=kernel, bias=bias, filters=12, kernel_size=(3, 2), strides=strides, dilation=dilation, groups=groups,
        padding=padding, activation="relu",
    )  # fmt: skip
    close(ours, tf.nn.relu(theirs[0] + bias))


def test_lookup_convolution_is_two_convolutions() -> None:
    """A 1x1 convolution with D, then an ordinary one with the sparse P: the paper's training form (section 3.2)."""
    k, filters, kernel_size = 5, 8, (3, 3)
    x, D, P = random(4, 10, 9, 3), random(5, k, 3), random(6, filters, *kernel_size, k)
    P[random(7, *P.shape) < 0.8] = 0
    S = tf.nn.conv2d(np.pad(x, ((1, 1), (1, 1), (0, 0)))[None], D.T[None, None], strides=1, padding="VALID")
    theirs = tf.nn.conv2d(S, P.transpose(1, 2, 3, 0), strides=2, padding="VALID")[0]
    rows, columns = np.nonzero(P.reshape(filters, -1))
    ours = reference.lookup_conv2d(
        x, dictionary=D, indptr=np.searchsorted(rows, np.arange(filters + 1)), indices=columns,
        coefficients=P.reshape(filters, -1)[rows, columns], filters=filters, kernel_size=kernel_size, strides=(2, 2),
        padding=(1, 1, 1, 1),
    )  # fmt: skip
    close(ours, theirs)


@pytest.mark.parametrize("size", [(7, 7), (8, 9)])
@pytest.mark.parametrize("strides", [(2, 2), (3, 1)])
def test_pools_padded_as_tensorflow_pads_same(size: tuple[int, int], strides: tuple[int, int]) -> None:
    """TensorFlow's "SAME" leaves padded places out of max and mean, as the format asks."""
    x, pool = random(8, *size, 4) - 3, (3, 3)  # mostly negative: a padded 0 would win every max
    before = []
    for n, p, s in zip(size, pool, strides, strict=True):
        total = max((-(-n // s) - 1) * s + p - n, 0)
        before += [total // 2, total - total // 2]
    arguments = {"pool_size": pool, "strides": strides, "padding": before}
    close(reference.max_pool2d(x, **arguments), tf.nn.max_pool2d(x[None], pool, strides, "SAME")[0])
    close(reference.avg_pool2d(x, **arguments), tf.nn.avg_pool2d(x[None], pool, strides, "SAME")[0])


@pytest.mark.parametrize(
    ("radius", "bias", "alpha", "beta"), [(2, 1.0, 1e-4, 0.75), (5, 2.0, 0.5, 0.5), (0, 1.0, 1.0, 1.0)]
)
def test_lrn(radius: int, bias: float, alpha: float, beta: float) -> None:
    x = 3 * random(9, 4, 5, 7)
    theirs = tf.nn.local_response_normalization(x[None], radius, bias, alpha, beta)[0]
    close(reference.lrn(x, depth_radius=radius, bias=bias, alpha=alpha, beta=beta), theirs)


@pytest.mark.parametrize("groups", [None, 1, 2, 6])
def test_norms(groups: int | None) -> None:
    x, scale, shift = 3 * random(12, 4, 5, 6) + 1, random(13, 6), random(14, 6)
    kind = keras.layers.LayerNormalization if groups is None else keras.layers.GroupNormalization
    layer = kind(epsilon=0.01) if groups is None else kind(groups, epsilon=0.01)
    layer.build((None, 4, 5, 6))
    layer.set_weights([scale, shift])
    own = {"scale": scale, "shift": shift, "epsilon": 0.01}
    ours = reference.layer_norm(x, **own) if groups is None else reference.group_norm(x, groups=groups, **own)
    close(ours, layer(x[None])[0])


def test_prelu() -> None:
    x, slope = random(15, 3, 4, 5), random(16, 5)
    layer = keras.layers.PReLU(shared_axes=(1, 2))
    layer.build((None, 3, 4, 5))
    layer.set_weights([slope.reshape(1, 1, 5)])
    close(reference.prelu(x, slope=slope), layer(x[None])[0])


def test_the_rest() -> None:
    x, kernel = random(10, 3, 4, 5), random(11, 6, 5)
    close(reference.softmax(x), tf.nn.softmax(x))
    close(reference.log_softmax(x), tf.nn.log_softmax(x))
    close(reference.channel_max(x), keras.ops.max(x, axis=-1, keepdims=True))
    close(reference.channel_mean(x), keras.ops.mean(x, axis=-1, keepdims=True))
    close(reference.dense(x[0, 0], kernel=kernel, units=6), tf.linalg.matvec(kernel, x[0, 0]))
    close(reference.flatten(x), keras.layers.Flatten()(x[None])[0])
    close(reference.global_avg_pool2d(x), keras.layers.GlobalAveragePooling2D()(x[None])[0])
    close(reference.global_max_pool2d(x), keras.layers.GlobalMaxPooling2D()(x[None])[0])
    close(reference.zero_pad2d(x, padding=(1, 2, 3, 4)), keras.layers.ZeroPadding2D(((1, 2), (3, 4)))(x[None])[0])


@pytest.mark.parametrize("size", [(14, 18), (21, 27), (5, 4), (1, 16)])
def test_resizing(size: tuple[int, int]) -> None:
    x = random(12, 7, 9, 3)
    for method, options in (
        ("nearest", {"rounding": "round_prefer_ceil"}), ("bilinear", {}), ("bicubic", {"edges": "exclude"}),
    ):  # fmt: skip
        if method == "bicubic" and size != (14, 18):  # TensorFlow rounds its positions to 1/1024 of a pixel
            continue
        close(
            reference.OPERATIONS["resize2d"](x, size=size, method=method, **options), tf.image.resize(x, size, method)
        )


@pytest.mark.parametrize("mode", ["reflect", "symmetric", "constant"])
def test_padding(mode: str) -> None:
    x, value = random(13, 4, 5, 2), {"constant": 1.5}.get(mode, 0.0)
    theirs = tf.pad(x, [[1, 3], [2, 0], [0, 0]], mode.upper(), value)
    close(reference.OPERATIONS["pad2d"](x, padding=(1, 3, 2, 0), mode=mode, value=value), theirs)


@pytest.mark.parametrize("block", [2, 3])
def test_blocks(block: int) -> None:
    x = random(14, 6, 12, 2 * block**2)
    close(reference.OPERATIONS["depth_to_space"](x, block_size=block), tf.nn.depth_to_space(x[None], block)[0])
    close(reference.OPERATIONS["space_to_depth"](x, block_size=block), tf.nn.space_to_depth(x[None], block)[0])


def test_moves() -> None:
    x, indices = random(15, 3, 4, 5), np.int32([4, 0, 0, 2])
    moves = reference.OPERATIONS
    close(moves["take_channels"](x, indices=indices, channels=4), tf.gather(x, indices, axis=-1))
    close(moves["crop2d"](x, cropping=(1, 0, 0, 2)), keras.layers.Cropping2D(((1, 0), (0, 2)))(x[None])[0])
    close(moves["reshape"](x, shape=(4, 5, 3)), tf.reshape(x, (4, 5, 3)))
    close(moves["permute"](x, axes=(2, 0, 1)), tf.transpose(x, (2, 0, 1)))
