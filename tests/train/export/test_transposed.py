"""Transposed convolutions: the same in the engine as in Keras, as a convolution of phases."""

import pytest
from keras import layers

from lcnn_train.export.transposed import axis_of
from tests.helpers.exporting import exported, functional, ops_of

CASES = [
    {"kernel_size": 3, "strides": 1},
    {"kernel_size": 3, "strides": 1, "dilation_rate": 2},
    {"kernel_size": (1, 4), "strides": 2},
    {"kernel_size": 2, "strides": 2},
    {"kernel_size": 4, "strides": 2},
    {"kernel_size": 5, "strides": 2, "activation": "tanh", "use_bias": False},
    {"kernel_size": 3, "strides": 2, "output_padding": 1},
    {"kernel_size": 3, "strides": (2, 1)},
    {"kernel_size": 4, "strides": (3, 2)},
    {"kernel_size": 2, "strides": 3},
    {"kernel_size": 1, "strides": 2},
]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("options", CASES, ids=str)
def test_a_transposed_convolution_is_the_same_in_the_engine(options, padding, tmp_path, digits):
    def build(x):
        return layers.Conv2DTranspose(3, padding=padding, name="a", **{"activation": "relu"} | options)(x)

    graph, _, _ = exported(functional((5, 7, 2), build), tmp_path, digits)
    found = list(ops_of(graph).values())
    strided = options["strides"] != 1
    assert found[: 1 + strided] == ["conv2d", "depth_to_space"][: 1 + strided]
    assert found[1 + strided :] in ([], ["crop2d"])
    assert graph.nodes[-1].name == "a"


def test_the_usual_one_makes_no_pixel_too_many(tmp_path, digits):
    """A kernel as large as its stride: no window, nothing to crop."""
    graph, _, _ = exported(
        functional((5, 7, 2), lambda x: layers.Conv2DTranspose(3, 2, 2, name="a")(x)), tmp_path, digits
    )
    assert ops_of(graph) == {"a_phases": "conv2d", "a": "depth_to_space"}
    assert graph["a_phases"].kernel_size == (1, 1)
    assert graph["a_phases"].padding == (0, 0, 0, 0)


def test_in_float16_with_layers_behind(tmp_path, digits):
    def build(x):
        x = layers.Conv2DTranspose(4, 3, 2, "same", name="a")(x)
        return layers.Conv2D(2, 3, name="b")(layers.ReLU()(layers.BatchNormalization(name="n")(x)))

    graph, _, _ = exported(functional((5, 7, 2), build), tmp_path, digits, dtype="float16")
    assert list(ops_of(graph).values()) == ["conv2d", "depth_to_space", "batch_norm", "activation", "conv2d"]


def test_one_axis_by_hand() -> None:
    """Two pixels, kernel 3, stride 2: y0 = x0 K0, y1 = x0 K1, y2 = x0 K2 + x1 K0, y3 = x1 K1, y4 = x1 K2."""
    axis = axis_of(2, 3, 2, 1, 5, 2, same=False)
    assert (axis.window, axis.stride, axis.padding, axis.cropping) == (2, 1, (1, 1), (0, 1))
    assert sorted(axis.taps) == [(0, 0, 1), (0, 2, 0), (1, 1, 1)]
