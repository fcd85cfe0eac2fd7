"""From Keras to the engine: the same numbers at every node, and an error that names the layer where that cannot be."""

import keras
import numpy as np
import pytest
from keras import layers
from safetensors import safe_open
from training_helpers import DATA, randomize

from lcnn_engine import ModelFormatError, Net, read_model
from lcnn_train import ExportError, LookupConv2D, LookupDense, export, verify
from lcnn_train.models import alexnet

PREPROCESSING = {
    "mode": "L",
    "resize": {"policy": "exact", "size": [224, 224], "resample": "bilinear"},
    "scale": 1 / 255,
    "mean": [0.13],
    "std": [1.0],
}
RGB = {**PREPROCESSING, "mode": "RGB", "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.25]}
PNGS = sorted((DATA / "digits").glob("*.png"))


def real_input(digits, shape, count=2):
    """Real digits cut or repeated to (count, *shape), float32."""
    picture = digits.images[:count].astype(np.float32) / 255 - 0.13
    if shape[:2] == (1, 1):
        return np.resize(picture.reshape(count, -1)[:, 300:], (count, *shape))
    height, width, channels = shape
    picture = np.stack([np.roll(picture, 3 * c, axis=1) for c in range(channels)], axis=-1)
    return np.ascontiguousarray(np.tile(picture, (1, 1 + height // 28, 1 + width // 28, 1))[:, :height, :width])


def exported(model, tmp_path, digits, **options):
    """Export, verify at every node on real digits, and read back: (graph, tensors, verification)."""
    randomize(model, 0.3)
    path = tmp_path / "model.safetensors"
    export(model, path, **options)
    verification = verify(model, path, real_input(digits, model.input_shape[1:]))
    graph, tensors = read_model(path)
    assert [n.name for n in verification.nodes] == [n.name for n in graph.nodes]
    assert verification.worst.ratio <= 1e-5
    return graph, tensors, verification


def functional(shape, build):
    """A model on pictures of `shape`; a shape (C,) stands for a picture (1, 1, C) that is flattened first."""
    image = keras.Input(shape if len(shape) != 1 else (1, 1, *shape), name="image")
    return keras.Model(image, build(image if len(shape) != 1 else layers.Flatten(name="vector")(image)), name="small")


def ops_of(graph):
    """The operations by node, without the flatten that `functional` begins with."""
    return {node.name: node.op for node in graph.nodes if node.name != "vector"}


# ------------------------------------------------------------------------------------------------------- AlexNets


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


# -------------------------------------------------------------------------------------------------- layer by layer

CASES = {
    "conv valid": ((9, 11, 2), lambda x: layers.Conv2D(3, 3, name="a")(x), {"a": "conv2d"}),
    "conv same, even size": ((8, 9, 2), lambda x: layers.Conv2D(3, 4, 3, "same", name="a")(x), {"a": "conv2d"}),
    "conv dilated": (
        (12, 12, 2),
        lambda x: layers.Conv2D(3, (3, 2), dilation_rate=(2, 3), padding="same", name="a")(x),
        {"a": "conv2d"},
    ),
    "conv in groups": ((8, 8, 4), lambda x: layers.Conv2D(6, 3, groups=2, name="a")(x), {"a": "conv2d"}),
    "depthwise": (
        (9, 9, 3),
        lambda x: layers.DepthwiseConv2D(3, 2, "same", depth_multiplier=2, activation="relu6", name="a")(x),
        {"a": "conv2d"},
    ),
    "depthwise and norm": (
        (9, 9, 3),
        lambda x: layers.BatchNormalization()(layers.DepthwiseConv2D(3, depth_multiplier=2, name="a")(x)),
        {"a": "conv2d"},
    ),
    "separable": (
        (9, 9, 3),
        lambda x: layers.SeparableConv2D(5, 3, 2, "same", depth_multiplier=2, activation="relu", name="a")(x),
        {"a_depthwise": "conv2d", "a": "conv2d"},
    ),
    "separable, dilated, norm after": (
        (9, 9, 3),
        lambda x: layers.BatchNormalization()(layers.SeparableConv2D(5, 2, dilation_rate=2, name="a")(x)),
        {"a_depthwise": "conv2d", "a": "conv2d"},
    ),
    "dense": ((7,), lambda x: layers.Dense(5, "tanh", name="a")(x), {"a": "dense"}),
    "dense on a picture": ((5, 6, 3), lambda x: layers.Dense(4, "sigmoid", name="a")(x), {"a": "conv2d"}),
    "dense with softmax": (
        (7,),
        lambda x: layers.Dense(5, "softmax", name="a")(x),
        {"a_logits": "dense", "a": "softmax"},
    ),
    "lookup conv": (
        (9, 10, 2),
        lambda x: LookupConv2D(5, 3, 4, 2, "same", activation="relu", name="a")(x),
        {"a": "lookup_conv2d"},
    ),
    "lookup conv, explicit padding": (
        (9, 10, 2),
        lambda x: LookupConv2D(5, (2, 3), 4, (1, 2), (0, 1, 2, 3), name="a")(x),
        {"a": "lookup_conv2d"},
    ),
    "lookup conv dilated": (
        (12, 12, 2),
        lambda x: LookupConv2D(5, 3, 4, dilation_rate=(2, 1), name="a")(x),
        {"a": "lookup_conv2d"},
    ),
    "lookup conv without a dictionary": (
        (9, 10, 2),
        lambda x: LookupConv2D(5, 3, None, 2, "same", activation="relu", name="a")(x),
        {"a": "lookup_conv2d"},
    ),
    "lookup conv in groups": (
        (9, 10, 2),
        lambda x: LookupConv2D(8, 3, 4, groups_of=4, threshold=0.6, name="a")(x),
        {"a": "lookup_conv2d"},
    ),
    "lookup conv of two lookups a tap": (
        (9, 10, 2),
        lambda x: LookupConv2D(8, 3, 6, lookups_per_tap=2, name="a")(x),
        {"a": "lookup_conv2d"},
    ),
    "lookup dense on a picture": (
        (5, 6, 3),
        lambda x: LookupDense(4, 2, activation="sigmoid", name="a")(x),
        {"a": "lookup_conv2d"},
    ),
    "lookup dense without a dictionary": ((8,), lambda x: LookupDense(6, None, name="a")(x), {"a": "lookup_dense"}),
    "lookup dense and norm": (
        (8,),
        lambda x: layers.ReLU()(layers.BatchNormalization()(LookupDense(6, 3, name="a")(x))),
        {"a": "lookup_dense"},
    ),
    "norm without scale and centre": (
        (8, 8, 2),
        lambda x: layers.BatchNormalization(scale=False, center=False)(layers.Conv2D(3, 3, name="a")(x)),
        {"a": "conv2d"},
    ),
    "norm before a convolution": (
        (8, 8, 2),
        lambda x: layers.Conv2D(3, 3, name="b")(layers.BatchNormalization(name="a")(x)),
        {"a": "batch_norm", "b": "conv2d"},
    ),
    "norm after an activation": (
        (8, 8, 2),
        lambda x: layers.BatchNormalization(name="b")(layers.Conv2D(3, 3, activation="relu", name="a")(x)),
        {"a": "conv2d", "b": "batch_norm"},
    ),
    "rescaling": (
        (8, 8, 2),
        lambda x: layers.Conv2D(3, 3, name="b")(layers.Rescaling(1 / 3, offset=-0.5, name="a")(x)),
        {"a": "batch_norm", "b": "conv2d"},
    ),
    "normalization": (
        (8, 8, 2),
        lambda x: layers.Normalization(mean=[0.1, 0.2], variance=[0.5, 2.0], name="a")(x),
        {"a": "batch_norm"},
    ),
    "augmentation goes": (
        (8, 8, 2),
        lambda x: layers.Conv2D(3, 3, name="a")(
            layers.RandomZoom(0.1)(layers.RandomRotation(0.1)(layers.RandomFlip()(x)))
        ),
        {"a": "conv2d"},
    ),
    "activation after a norm": (
        (8,),
        lambda x: layers.ReLU(name="b")(layers.BatchNormalization(name="a")(x)),
        {"a": "batch_norm", "b": "activation"},
    ),
    "two activations": (
        (8,),
        lambda x: layers.Activation("tanh", name="b")(layers.Dense(4, "relu", name="a")(x)),
        {"a": "dense", "b": "activation"},
    ),
    "max pool": ((9, 10, 2), lambda x: layers.MaxPooling2D((2, 3), 2, name="a")(x), {"a": "max_pool2d"}),
    "max pool same": ((9, 10, 2), lambda x: layers.MaxPooling2D(3, 2, "same", name="a")(x), {"a": "max_pool2d"}),
    "average pool same": (
        (9, 10, 2),
        lambda x: layers.AveragePooling2D(3, 2, "same", name="a")(x),
        {"a": "avg_pool2d"},
    ),
    "average pool": ((9, 10, 2), lambda x: layers.AveragePooling2D(2, name="a")(x), {"a": "avg_pool2d"}),
    "global average": ((7, 5, 3), lambda x: layers.GlobalAveragePooling2D(name="a")(x), {"a": "global_avg_pool2d"}),
    "global max": ((7, 5, 3), lambda x: layers.GlobalMaxPooling2D(name="a")(x), {"a": "global_max_pool2d"}),
    "global average, kept": (
        (7, 5, 3),
        lambda x: layers.GlobalAveragePooling2D(keepdims=True, name="a")(x),
        {"a": "avg_pool2d"},
    ),
    "global max, kept": (
        (7, 5, 3),
        lambda x: layers.GlobalMaxPooling2D(keepdims=True, name="a")(x),
        {"a": "max_pool2d"},
    ),
    "padding merges": (
        (7, 7, 2),
        lambda x: layers.Conv2D(3, 3, 2, name="b")(layers.ZeroPadding2D(((1, 2), (0, 3)))(x)),
        {"b": "conv2d"},
    ),
    "padding merges into same padding": (
        (7, 8, 2),
        lambda x: LookupConv2D(3, 4, 3, 3, "same", name="b")(layers.ZeroPadding2D(((1, 0), (0, 3)))(x)),
        {"b": "lookup_conv2d"},
    ),
    "padding merges into depthwise": (
        (7, 7, 2),
        lambda x: layers.DepthwiseConv2D(3, 2, name="b")(layers.ZeroPadding2D(1)(x)),
        {"b": "conv2d"},
    ),
    "padding before a pool stays": (
        (7, 7, 2),
        lambda x: layers.MaxPooling2D(3, 2, name="b")(layers.ZeroPadding2D(((0, 1), (2, 0)), name="a")(x)),
        {"a": "zero_pad2d", "b": "max_pool2d"},
    ),
    "flatten": (
        (3, 4, 5),
        lambda x: layers.Dense(3, name="b")(layers.Flatten(name="a")(x)),
        {"a": "flatten", "b": "dense"},
    ),
    "reshape to a vector": ((3, 4, 5), lambda x: layers.Reshape((60,), name="a")(x), {"a": "flatten"}),
    "flatten a vector is nothing": ((6,), lambda x: layers.Dense(2, name="a")(layers.Flatten()(x)), {"a": "dense"}),
    "softmax of a picture": ((3, 4, 5), lambda x: layers.Softmax(name="a")(x), {"a": "softmax"}),
    "dropout goes": (
        (6,),
        lambda x: layers.Dropout(0.5)(layers.ReLU()(layers.Dropout(0.5)(layers.Dense(3, name="a")(x)))),
        {"a": "dense"},
    ),
    "leaky relu": (
        (6,),
        lambda x: layers.LeakyReLU(negative_slope=0.07)(layers.Dense(9, name="a")(x)),
        {"a": "dense"},
    ),
    "leaky relu by name": ((6,), lambda x: layers.Dense(9, "leaky_relu", name="a")(x), {"a": "dense"}),
    "relu that leaks": ((6,), lambda x: layers.ReLU(negative_slope=0.3, name="a")(x), {"a": "activation"}),
    "relu6": ((6,), lambda x: layers.ReLU(6, name="b")(layers.Dense(9, name="a")(x)), {"a": "dense"}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_layer_is_the_same_in_the_engine(name, tmp_path, digits):
    shape, build, expected = CASES[name]
    graph, _, _ = exported(functional(shape, build), tmp_path, digits)
    assert ops_of(graph) == expected


@pytest.mark.parametrize(
    "activation", ["relu", "relu6", "leaky_relu", "sigmoid", "tanh", "silu", "hard_sigmoid", "hard_silu", "linear"]
)
def test_activations(activation, tmp_path, digits):
    """Inside a layer, as a layer that folds, and alone; the products reach past every kink."""

    def build(x):
        x = layers.Conv2D(6, 3, activation=activation, kernel_initializer="random_uniform", name="inside")(x)
        x = layers.BatchNormalization(name="norm")(x)
        x = layers.Activation(activation, name="alone")(x)
        return layers.Activation(activation, name="folded")(layers.Conv2D(4, 1, name="outside")(x))

    graph, _, _ = exported(functional((8, 8, 2), build), tmp_path, digits)
    own = {node.name: getattr(node, "activation", None) for node in graph.nodes}
    if activation == "linear":  # a norm folds into a linear layer, and a linear activation is nothing
        assert own == {"inside": "linear", "outside": "linear"}
    else:
        assert own == {"inside": activation, "norm": None, "alone": activation, "outside": activation}


# ------------------------------------------------------------------------------------------------- branches and folds


def test_residual_block_with_squeeze_and_excite(tmp_path, digits):
    def build(x):
        x = layers.ReLU()(layers.BatchNormalization()(LookupConv2D(8, 3, 4, padding="same", name="stem")(x)))
        y = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same", name="branch")(x))
        gate = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(y)
        gate = layers.Conv2D(8, 1, activation="hard_sigmoid", name="gate")(gate)
        y = layers.Multiply(name="scaled")([y, gate])
        z = layers.Concatenate(name="joined")([layers.ReLU(name="sum_relu")(layers.Add(name="sum")([x, y])), x])
        return layers.Dense(4, "softmax", name="classes")(layers.GlobalMaxPooling2D(name="top")(z))

    graph, _, _ = exported(functional((10, 10, 2), build), tmp_path, digits)
    assert ops_of(graph) == {
        "stem": "lookup_conv2d",
        "branch": "conv2d",
        "squeeze": "avg_pool2d",
        "gate": "conv2d",
        "scaled": "multiply",
        "sum": "add",
        "joined": "concat",
        "top": "global_max_pool2d",
        "classes_logits": "dense",
        "classes": "softmax",
    }
    assert graph["sum"].activation == "relu"


def test_arithmetic_on_tensors(tmp_path, digits):
    def build(x):
        return (2 - layers.Conv2D(2, 1, name="a")(x) * 3.0) / 4 + x * x - 1

    graph, _, _ = exported(functional((8, 8, 2), build), tmp_path, digits)
    affine = ["batch_norm"] * 3
    assert [node.op for node in graph.nodes if node.op != "multiply"] == ["conv2d", *affine, "add", "batch_norm"]


def test_squeeze_and_excite_by_a_reshape(tmp_path, digits):
    """The global pool before the reshape keeps the picture's axes, so the format needs no reshape to a picture."""

    def build(x):
        gate = layers.Reshape((1, 1, 3))(layers.GlobalAveragePooling2D(name="a")(x))
        return x * layers.Conv2D(3, 1, activation="sigmoid", name="b")(gate)

    graph, _, _ = exported(functional((6, 5, 3), build), tmp_path, digits)
    assert [node.op for node in graph.nodes] == ["avg_pool2d", "conv2d", "multiply"]


def test_a_value_that_two_layers_read_is_not_folded_away(tmp_path, digits):
    def build(x):
        x = layers.Conv2D(4, 3, name="conv")(x)
        normed = layers.BatchNormalization(name="norm")(x)
        padded = layers.ZeroPadding2D(1, name="pad")(normed)
        return layers.Add(name="sum")(
            [x, layers.Conv2D(4, 3, name="left")(padded), layers.Conv2D(4, 3, name="right")(padded)]
        )

    graph, _, _ = exported(functional((8, 8, 1), build), tmp_path, digits)
    assert ops_of(graph) == {
        "conv": "conv2d",
        "norm": "batch_norm",
        "pad": "zero_pad2d",
        "left": "conv2d",
        "right": "conv2d",
        "sum": "add",
    }


def test_the_output_is_a_reader_too(tmp_path, digits):
    """The model ends at the convolution although a norm reads it on a branch that is dropped."""
    image = keras.Input((8, 8, 1))
    conv = layers.Conv2D(3, 3, name="conv")(image)
    layers.BatchNormalization(name="unused")(conv)
    graph, _, _ = exported(keras.Model(image, conv), tmp_path, digits)
    assert ops_of(graph) == {"conv": "conv2d"}


def test_same_value_twice(tmp_path, digits):
    graph, _, _ = exported(functional((6, 6, 2), lambda x: layers.Add(name="a")([x, x])), tmp_path, digits)
    assert graph["a"].inputs == ("image", "image")


def test_vector_repeated_over_a_picture(tmp_path, digits):
    def build(x):
        return layers.Multiply(name="a")([x, layers.GlobalAveragePooling2D(name="mean")(x)])

    exported(functional((6, 5, 3), build), tmp_path, digits)


def test_shared_layer_and_nested_models(tmp_path, digits):
    shared = layers.Conv2D(2, 3, padding="same", activation="relu", name="shared")
    inner = keras.Sequential(
        [keras.Input((8, 8, 2)), LookupConv2D(4, 3, 3, name="shared"), layers.ReLU()], name="inner"
    )
    head = keras.Sequential([keras.Input((6, 6, 4)), layers.Flatten(), layers.Dense(3, name="out")], name="head")
    graph, _, _ = exported(functional((8, 8, 2), lambda x: head(inner(shared(shared(x))))), tmp_path, digits)
    assert [node.op for node in graph.nodes] == ["conv2d", "conv2d", "lookup_conv2d", "flatten", "dense"]
    assert [node.name for node in graph.nodes if node.op != "flatten"] == ["shared", "shared_2", "shared_3", "out"]


def test_sequential(tmp_path, digits):
    model = keras.Sequential([keras.Input((8, 8, 1)), LookupConv2D(4, 3, 3), layers.Flatten(), layers.Dense(3)])
    graph, _, _ = exported(model, tmp_path, digits, name="mine")
    assert graph.name == "mine"
    assert [node.op for node in graph.nodes] == ["lookup_conv2d", "flatten", "dense"]


# ------------------------------------------------------------------------------------------------------- the tensors


def lookup_layer(alive, shape=(6, 6, 2)):
    """A model of one lookup layer (2 filters, 2x2, k = 4) with the P entries of `alive` {(r, c, d, filter): value}."""
    layer = LookupConv2D(2, 2, 4, threshold=0.01, name="a")
    model = keras.Sequential([keras.Input(shape), layer])
    P = np.zeros(layer.P.shape, np.float32)
    for where, value in alive.items():
        P[where] = value
    layer.P.assign(P)
    return model, layer


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


# ------------------------------------------------------------------------------------------------------- refusals


class _Doubling(layers.Conv2D):
    def call(self, inputs):
        return 2 * super().call(inputs)


REFUSED = {
    "an unknown layer": (
        (8, 8, 2),
        lambda x: layers.UpSampling2D(name="a")(x),
        "layer a: .*UpSampling2D. Supported: Act",
    ),
    "a subclass": ((8, 8, 2), lambda x: _Doubling(2, 3, name="a")(x), "layer a: .*_Doubling"),
    "a lambda": ((8,), lambda x: layers.Lambda(lambda v: v + 1, name="a")(x), "layer a: .*Lambda"),
    "a difference of tensors": ((8,), lambda x: x - layers.Dense(8)(x), "expected x . y .* found Subtract of 2 tens"),
    "a number divided by a tensor": ((8,), lambda x: 1 / x, "found TrueDivide of 1 tensors"),
    "another operation": ((8,), lambda x: keras.ops.exp(x), "no operation for Exp"),
    "an activation": (
        (8,),
        lambda x: layers.Dense(3, "gelu", name="a")(x),
        "layer a: .*activation gelu. Supported: lin",
    ),
    "an activation layer": ((8,), lambda x: layers.Activation("elu", name="a")(x), "layer a: .*activation elu"),
    "a capped relu": ((8,), lambda x: layers.ReLU(4, name="a")(x), "layer a: .*max_value=4"),
    "a relu with a threshold": ((8,), lambda x: layers.ReLU(threshold=1, name="a")(x), "layer a: .*threshold=1"),
    "softmax over rows": ((8, 8, 2), lambda x: layers.Softmax(1, name="a")(x), "layer a: .*last axis, found 1"),
    "norm over rows": ((8, 8, 2), lambda x: layers.BatchNormalization(1, name="a")(x), "layer a: .*found axis 1"),
    "a join of rows": ((8, 8, 2), lambda x: layers.Concatenate(1, name="a")([x, x]), "layer a: .*found axis 1"),
    "a reshape to a picture": ((8,), lambda x: layers.Reshape((2, 2, 2), name="a")(x), "layer a: .*into \\(2, 2, 2\\)"),
    "a row repeated": (
        (8, 8, 2),
        lambda x: layers.Add(name="a")([x, layers.MaxPooling2D((1, 8))(x)]),
        r"layer a: expected inputs of shape \(8, 8, 2\).*found \(8, 1, 2\)",
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


def test_two_inputs_or_outputs_are_refused(tmp_path):
    a, b = keras.Input((1, 1, 4)), keras.Input((1, 1, 4))
    with pytest.raises(ExportError, match=r"expected one input and one output, found 2 .*and 1"):
        export(keras.Model([a, b], layers.Add()([a, b])), tmp_path / "m.safetensors")
    with pytest.raises(ExportError, match=r"expected one input and one output, found 1 and 2 \(.*, .*\); keras.Model"):
        export(keras.Model(a, [layers.Dense(2)(a), layers.Dense(2)(a)]), tmp_path / "m.safetensors")


def test_a_model_on_vectors_is_refused(tmp_path):
    image = keras.Input((4,), name="numbers")
    with pytest.raises(ExportError, match=r"input numbers: expected a picture .* found shape \(4,\)"):
        export(keras.Model(image, layers.Dense(2)(image)), tmp_path / "m.safetensors")


def test_a_subclassed_model_is_refused(tmp_path):
    class Mine(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ExportError, match=r"expected a functional model.*found Mine"):
        export(Mine(name="mine"), tmp_path / "m.safetensors")


def test_labels_and_preprocessing_that_do_not_fit_leave_nothing(tmp_path):
    model, _ = lookup_layer({(0, 0, 0, 0): 1.0})
    model = keras.Sequential([keras.Input((6, 6, 2)), *model.layers, layers.Flatten(), layers.Dense(3)])
    with pytest.raises(ModelFormatError, match="labels"):
        export(model, tmp_path / "m.safetensors", labels=["a", "b"])
    with pytest.raises(ModelFormatError, match=r"mode|mean|channel"):
        export(model, tmp_path / "m.safetensors", preprocessing=PREPROCESSING)
    assert not list(tmp_path.iterdir())


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
