"""Branches, models inside, shared layers, and what may be folded: the same numbers in the engine as in Keras."""

import keras
from keras import layers

from lcnn_train import LookupConv2D
from tests.helpers.exporting import exported, functional, ops_of


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
    """The global pool before the reshape keeps the image's axes, so the format needs no reshape to an image."""

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


def test_vector_repeated_over_a_image(tmp_path, digits):
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
