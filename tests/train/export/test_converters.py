"""Layer by layer: the same numbers in the engine as in Keras."""

import keras
import pytest
import tensorflow as tf
from keras import layers

from lcnn_engine.model.graph import ACTIVATIONS
from lcnn_train import LookupConv2D, LookupDense
from tests.helpers.exporting import exported, functional, ops_of
from tests.helpers.kernel_cases import POSITIVE

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
    "separable with softmax": (
        (9, 9, 3),
        lambda x: layers.SeparableConv2D(5, 3, activation="softmax", name="a")(x),
        {"a_depthwise": "conv2d", "a_logits": "conv2d", "a": "softmax"},
    ),
    "dense": ((7,), lambda x: layers.Dense(5, "tanh", name="a")(x), {"a": "dense"}),
    "dense on an image": ((5, 6, 3), lambda x: layers.Dense(4, "sigmoid", name="a")(x), {"a": "conv2d"}),
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
    "lookup conv in pairs of atoms, the last group of two filters": (
        (9, 10, 2),
        lambda x: LookupConv2D(10, 3, 5, groups_of=8, atoms_of=2, threshold=0.6, name="a")(x),
        {"a": "lookup_conv2d"},
    ),
    "lookup conv of two lookups a tap": (
        (9, 10, 2),
        lambda x: LookupConv2D(8, 3, 6, lookups_per_tap=2, name="a")(x),
        {"a": "lookup_conv2d"},
    ),
    "lookup dense on an image": (
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
    "softmax of an image": ((3, 4, 5), lambda x: layers.Softmax(name="a")(x), {"a": "softmax"}),
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
    "elu": ((6,), lambda x: layers.ELU(0.3)(layers.Dense(9, name="a")(x)), {"a": "dense"}),
    "log softmax inside": (
        (6,),
        lambda x: layers.Dense(4, "log_softmax", name="a")(x),
        {"a_logits": "dense", "a": "log_softmax"},
    ),
    "prelu, a slope a channel": ((6, 5, 3), lambda x: layers.PReLU(shared_axes=(1, 2), name="a")(x), {"a": "prelu"}),
    "prelu of a vector": ((6,), lambda x: layers.PReLU(name="a")(x), {"a": "prelu"}),
    "prelu, a slope a value": (
        (6, 5, 3),
        lambda x: layers.PReLU(alpha_initializer="random_normal", name="a")(x),
        {
            "a_part1": "batch_norm",
            "a_part2": "activation",
            "a_part3": "activation",
            "a_part4": "constant",
            "a_part5": "multiply",
            "a": "subtract",
        },
    ),
    "layer norm": ((6, 5, 3), lambda x: layers.LayerNormalization(name="a")(x), {"a": "layer_norm"}),
    "layer norm of a vector": (
        (6,),
        lambda x: layers.LayerNormalization(scale=False, name="a")(x),
        {"a": "layer_norm"},
    ),
    "layer norm over an image": (
        (6, 5, 3),
        lambda x: layers.LayerNormalization(axis=(1, 2, 3), name="a")(x),
        {"a_part1": "group_norm", "a_part2": "constant", "a_part3": "multiply", "a_part4": "constant", "a": "add"},
    ),
    "group norm": ((6, 5, 4), lambda x: layers.GroupNormalization(2, name="a")(x), {"a": "group_norm"}),
    "instance norm": (
        (6, 5, 4),
        lambda x: layers.GroupNormalization(-1, name="a")(x),
        {"a": "group_norm"},
    ),
    "relu6": ((6,), lambda x: layers.ReLU(6, name="b")(layers.Dense(9, name="a")(x)), {"a": "dense"}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_layer_is_the_same_in_the_engine(name, tmp_path, digits):
    shape, build, expected = CASES[name]
    graph, _, _ = exported(functional(shape, build), tmp_path, digits)
    assert ops_of(graph) == expected


OWN_NAMES = {"gelu_tanh": keras.ops.gelu, "abs": keras.ops.abs, "sqrt": keras.ops.sqrt, "log": keras.ops.log}


@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name not in (*POSITIVE, "exponential")])
def test_activations(activation, tmp_path, digits):
    """Inside a layer, as a layer that folds, and alone; the products reach past every kink."""

    function = OWN_NAMES.get(activation, activation)

    def build(x):
        x = layers.Conv2D(6, 3, activation=function, kernel_initializer="random_uniform", name="inside")(x)
        x = layers.BatchNormalization(name="norm")(x)
        x = layers.Activation(function, name="alone")(x)
        return layers.Activation(function, name="folded")(layers.Conv2D(4, 1, name="outside")(x))

    graph, _, _ = exported(functional((8, 8, 2), build), tmp_path, digits)
    own = {node.name: getattr(node, "activation", None) for node in graph.nodes}
    if activation == "linear":  # a norm folds into a linear layer, and a linear activation is nothing
        assert own == {"inside": "linear", "outside": "linear"}
    else:
        assert own == {"inside": activation, "norm": None, "alone": activation, "outside": activation}


SAME_ACTIVATION = {
    "tf.nn.relu": (tf.nn.relu, "relu"),
    "tf.nn.relu6": (tf.nn.relu6, "relu6"),
    "tf.nn.leaky_relu": (tf.nn.leaky_relu, "leaky_relu"),
    "tf.nn.silu": (tf.nn.silu, "silu"),
    "tf.sigmoid": (tf.sigmoid, "sigmoid"),
    "tf.tanh": (tf.tanh, "tanh"),
    "keras.ops.relu": (keras.ops.relu, "relu"),
    "keras.ops.hard_sigmoid": (keras.ops.hard_sigmoid, "hard_sigmoid"),
    "keras.ops.tanh": (keras.ops.tanh, "tanh"),
    "ReLU": (layers.ReLU(), "relu"),
    "ReLU of 6": (layers.ReLU(6), "relu6"),
    "LeakyReLU": (layers.LeakyReLU(0.1), "leaky_relu"),
    "Activation": (layers.Activation("hard_silu"), "hard_silu"),
    "tf.nn.gelu": (tf.nn.gelu, "gelu"),
    "keras.ops.gelu": (keras.ops.gelu, "gelu_tanh"),
    "tf.nn.elu": (tf.nn.elu, "elu"),
    "ELU": (layers.ELU(0.1), "elu"),
    "tf.exp": (tf.exp, "exponential"),
    "tf.abs": (tf.abs, "abs"),
}


@pytest.mark.parametrize("name", SAME_ACTIVATION)
def test_an_activation_by_another_name(name, tmp_path, digits):
    """Inside a layer, and in a layer of its own."""
    function, activation = SAME_ACTIVATION[name]

    def build(x):
        x = layers.Conv2D(6, 3, activation=function, kernel_initializer="random_uniform", name="inside")(x)
        return layers.Activation(function, name="alone")(layers.BatchNormalization(name="norm")(x))

    graph, _, _ = exported(functional((8, 8, 2), build), tmp_path, digits)
    assert [graph["inside"].activation, graph["alone"].activation] == [activation] * 2
    assert name not in ("LeakyReLU", "ELU") or graph["inside"].alpha == graph["alone"].alpha == 0.1


SOFTMAXES = {
    "tf.nn.softmax": tf.nn.softmax,
    "keras.ops.softmax": keras.ops.softmax,
    "Softmax": layers.Softmax(),
    "Activation": layers.Activation("softmax"),
}


@pytest.mark.parametrize("name", SOFTMAXES)
def test_a_softmax_by_another_name(name, tmp_path, digits):
    def build(x):
        return layers.Activation(SOFTMAXES[name], name="b")(layers.Dense(4, activation=SOFTMAXES[name], name="a")(x))

    graph, _, _ = exported(functional((6,), build), tmp_path, digits)
    assert ops_of(graph) == {"a_logits": "dense", "a": "softmax", "b": "softmax"}


CALLED = {
    "activations.relu": (keras.activations.relu, "relu"),
    "activations.relu of 6": (lambda x: keras.activations.relu(x, max_value=6), "relu6"),
    "activations.relu that leaks": (lambda x: keras.activations.relu(x, negative_slope=0.3), "leaky_relu"),
    **{
        f"ops.{name}": (getattr(keras.ops, name), name)
        for name in ACTIVATIONS
        if hasattr(keras.ops, name) and name not in (*POSITIVE, "gelu")
    },
    "ops.gelu": (keras.ops.gelu, "gelu_tanh"),
    "activations.gelu": (keras.activations.gelu, "gelu"),
    "ops.exp": (keras.ops.exp, "exponential"),
    **{
        f"activations.{name}": (getattr(keras.activations, name), name)
        for name in (
            "relu6",
            "leaky_relu",
            "sigmoid",
            "elu",
            "selu",
            "softplus",
            "softsign",
            "exponential",
            "hard_tanh",
        )
    },
}


@pytest.mark.parametrize("name", CALLED)
def test_an_activation_called_on_a_tensor(name, tmp_path, digits):
    function, activation = CALLED[name]

    def build(x):
        return function(layers.Conv2D(6, 3, kernel_initializer="random_uniform", name="a")(x))

    graph, _, _ = exported(functional((8, 8, 2), build), tmp_path, digits)
    assert [(node.op, node.activation) for node in graph.nodes] == [("conv2d", activation)]


@pytest.mark.parametrize("softmax", [keras.activations.softmax, keras.ops.softmax])
def test_a_softmax_called_on_a_tensor(softmax, tmp_path, digits):
    graph, _, _ = exported(functional((6,), lambda x: softmax(layers.Dense(4, name="a")(x))), tmp_path, digits)
    assert list(ops_of(graph).values()) == ["dense", "softmax"]
