"""The reference against numbers worked by hand, and the lookup convolution against the dense one it stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lcnn_engine.errors import InputError, ModelFormatError
from lcnn_engine.model import reference
from lcnn_engine.model.graph import Concat, Flatten, Graph, Input, LookupConv2D, Node, Softmax
from tests.helpers.kernel_cases import lookups_of


def image(*rows: list[float]) -> np.ndarray:
    """An image of one channel."""
    return np.array(rows, dtype=np.float32)[..., None]


def vector(*numbers: float) -> np.ndarray:
    return np.array(numbers, dtype=np.float32)


def random_case(seed: int, *, channels: int, k: int, filters: int, kernel: tuple[int, int]) -> dict[str, Any]:
    """An image of 9x8, a dictionary, a sparse P in which filter 0 has no lookup, and a bias."""
    rng = np.random.default_rng(seed)
    P = rng.standard_normal((filters, kernel[0] * kernel[1] * k)) * (rng.random((filters, 1)) < 0.5)
    P[0] = 0
    return {
        "x": rng.standard_normal((9, 8, channels)).astype(np.float32),
        "D": rng.standard_normal((k, channels)).astype(np.float32),
        "P": P.astype(np.float32),
        "bias": rng.standard_normal(filters).astype(np.float32),
    }


def test_softmax_does_not_overflow() -> None:
    with np.errstate(over="raise"):
        p = reference.softmax(vector(1e4, 1e4, -1e4))
    np.testing.assert_array_equal(p, [0.5, 0.5, 0])


def test_softmax_of_an_image_is_over_its_channels() -> None:
    x = np.log(np.array([[[1, 3], [2, 2]]], dtype=np.float32))
    np.testing.assert_allclose(reference.softmax(x), [[[0.25, 0.75], [0.5, 0.5]]], rtol=1e-6)


def test_lookup_convolution_by_hand() -> None:
    """Two atoms of two channels, a 1x2 kernel, one filter: Y = 10 + 2 * S1[x] - S0[x + 1], padded right by one."""
    x = np.array([[[1, 2], [3, 4], [5, 6]]], dtype=np.float32)
    D = np.array([[1, 1], [0, 1]], dtype=np.float32)  # S0 = 3, 7, 11; S1 = 2, 4, 6
    y = reference.lookup_conv2d(
        x, dictionary=D, bias=vector(10), filters=1, kernel_size=(1, 2), padding=(0, 0, 0, 1),
        indptr=np.array([0, 2]), indices=np.array([1, 2]), coefficients=vector(2, -1),
    )  # fmt: skip
    np.testing.assert_array_equal(y, [[[10 + 4 - 7], [10 + 8 - 11], [10 + 12 - 0]]])


def test_lookup_convolution_without_dictionary_looks_into_the_image() -> None:
    x = np.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], dtype=np.float32)
    # Filter 0: 10 * x[0, 1, 0] + x[1, 0, 1]; filter 1: nothing but its bias, through relu.
    y = reference.lookup_conv2d(
        x, bias=vector(0.5, -3), filters=2, kernel_size=(2, 2), activation="relu",
        indptr=np.array([0, 2, 2]), indices=np.array([2, 5]), coefficients=vector(10, 1),
    )  # fmt: skip
    np.testing.assert_array_equal(y, [[[30 + 6 + 0.5, 0]]])


@pytest.mark.parametrize("dictionary", [True, False])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (3, 0, 1, 2)])
def test_lookup_convolution_is_the_dense_one_of_the_kernel_it_spells(
    dictionary: bool, strides: tuple[int, int], dilation: tuple[int, int], padding: tuple[int, int, int, int]
) -> None:
    """W[:, r, c] = sum over t of C[t, r, c] * D[I[t, r, c], :], the paper's equation 1."""
    kernel_size, filters = (3, 2), 6
    case = random_case(1, channels=3, k=5 if dictionary else 3, filters=filters, kernel=kernel_size)
    I_and_C = lookups_of(case["P"])
    D = case["D"] if dictionary else np.eye(3, dtype=np.float32)
    W = np.zeros((filters, 3, *kernel_size))
    for o in range(filters):
        for j in range(I_and_C["indptr"][o], I_and_C["indptr"][o + 1]):
            tap, d = divmod(int(I_and_C["indices"][j]), len(D))
            r, c = divmod(tap, kernel_size[1])
            W[o, :, r, c] += I_and_C["coefficients"][j] * D[d].astype(np.float64)
    attributes: dict[str, Any] = {
        "filters": filters, "kernel_size": kernel_size, "strides": strides, "dilation": dilation, "padding": padding,
        "bias": case["bias"], "activation": "leaky_relu", "alpha": 0.1,
    }  # fmt: skip
    y = reference.lookup_conv2d(case["x"], dictionary=case["D"] if dictionary else None, **I_and_C, **attributes)
    np.testing.assert_allclose(y, reference.conv2d(case["x"], kernel=W, **attributes), rtol=1e-6, atol=1e-6)
    assert not np.any(y[..., 0] - reference.activation(case["bias"], activation="leaky_relu", alpha=0.1)[0])


def test_a_layer_without_any_lookup_is_its_bias() -> None:
    nothing = lookups_of(np.zeros((2, 9)))
    y = reference.lookup_conv2d(
        np.ones((4, 4, 1), np.float32), filters=2, kernel_size=(3, 3), strides=(2, 1), **nothing
    )
    np.testing.assert_array_equal(y, np.zeros((1, 2, 2)))
    y = reference.lookup_dense(np.ones(9, np.float32), units=2, bias=vector(1, -1), activation="relu", **nothing)
    np.testing.assert_array_equal(y, [1, 0])


def test_lookup_dense_is_a_lookup_convolution_on_one_pixel() -> None:
    case = random_case(2, channels=7, k=4, filters=5, kernel=(1, 1))
    x = case["x"][0, 0]
    common = {"dictionary": case["D"], "bias": case["bias"], "activation": "tanh", **lookups_of(case["P"])}
    y = reference.lookup_dense(x, units=5, **common)
    np.testing.assert_allclose(y, np.tanh(case["bias"] + case["P"].astype(float) @ (case["D"].astype(float) @ x)), 1e-6)
    one_pixel = reference.lookup_conv2d(x[None, None], filters=5, kernel_size=(1, 1), **common)
    np.testing.assert_allclose(one_pixel, y[None, None], rtol=1e-6)


def test_conv2d_correlates_and_does_not_flip() -> None:
    x = image([1, 2, 3], [4, 5, 6], [7, 8, 9])
    kernel = np.array([[[[1, 10], [100, 1000]]]], dtype=np.float32)
    y = reference.conv2d(x, kernel=kernel, filters=1, kernel_size=(2, 2))
    np.testing.assert_array_equal(y[..., 0], [[5421, 6532], [8754, 9865]])
    y = reference.conv2d(x, kernel=kernel, filters=1, kernel_size=(2, 2), padding=(1, 0, 0, 1), strides=(2, 2))
    np.testing.assert_array_equal(y[..., 0], [[2100, 300], [8754, 906]])
    y = reference.conv2d(x, kernel=kernel, filters=1, kernel_size=(2, 2), dilation=(2, 2), bias=vector(-1))
    np.testing.assert_array_equal(y, [[[9731 - 1]]])


def test_conv2d_groups_split_channels_and_filters_in_order() -> None:
    x = np.array([[[1, 2, 3, 4]]], dtype=np.float32)
    kernel = np.array([[1, 10], [2, 20], [1, 10], [3, 30]], dtype=np.float32)[..., None, None]
    y = reference.conv2d(x, kernel=kernel, filters=4, kernel_size=(1, 1), groups=2)
    np.testing.assert_array_equal(y, [[[21, 42, 43, 129]]])
    depthwise = reference.conv2d(x, kernel=kernel[:, :1], filters=4, kernel_size=(1, 1), groups=4)
    np.testing.assert_array_equal(depthwise, [[[1, 4, 3, 12]]])


def test_dense() -> None:
    kernel = np.array([[1, 10], [-1, 0]], dtype=np.float32)
    y = reference.dense(vector(2, 3), kernel=kernel, bias=vector(0.5, 0.5), units=2, activation="relu")
    np.testing.assert_array_equal(y, [32.5, 0])


def test_padding_never_wins_a_max() -> None:
    x = image([-5, -1], [-3, -2])
    y = reference.max_pool2d(x, pool_size=(2, 2), padding=(1, 0, 0, 1))
    np.testing.assert_array_equal(y[..., 0], [[-1, -1], [-1, -1]])
    y = reference.max_pool2d(x, pool_size=(2, 1), strides=(3, 1), padding=(0, 1, 0, 0))
    np.testing.assert_array_equal(y[..., 0], [[-3, -1]])


def test_padding_never_counts_in_a_mean() -> None:
    x = image([1, 2], [3, 6])
    y = reference.avg_pool2d(x, pool_size=(2, 2), padding=(1, 0, 0, 1))
    np.testing.assert_array_equal(y[..., 0], [[1.5, 2], [3, 4]])
    y = reference.avg_pool2d(x, pool_size=(3, 3), strides=(2, 2), padding=(2, 2, 2, 2))
    np.testing.assert_array_equal(y[..., 0], [[1, 1.5], [2, 3]])


def test_global_pools() -> None:
    x = np.array([[[1, -1], [2, -2]], [[3, -3], [6, -6]]], dtype=np.float32)
    np.testing.assert_array_equal(reference.global_avg_pool2d(x), [3, -3])
    np.testing.assert_array_equal(reference.global_max_pool2d(x), [6, -1])


def test_zero_pad_and_flatten_keep_c_order() -> None:
    x = np.arange(4, dtype=np.float32).reshape(1, 2, 2)
    padded = reference.zero_pad2d(x, padding=(1, 0, 0, 2))
    np.testing.assert_array_equal(padded[1, :2], x[0])
    assert padded.shape == (2, 4, 2)
    assert padded.sum() == x.sum()
    np.testing.assert_array_equal(reference.flatten(x), [0, 1, 2, 3])


@pytest.mark.parametrize("shape", [(2,), (1, 1, 2), (2, 1, 2)])
def test_add_and_multiply_repeat_one_number_a_channel(shape: tuple[int, ...]) -> None:
    x = np.array([[[1, -2]], [[3, -4]]], dtype=np.float32)
    other = np.broadcast_to(vector(10, 1), shape)
    np.testing.assert_array_equal(reference.add(x, other, activation="relu"), [[[11, 0]], [[13, 0]]])
    np.testing.assert_array_equal(reference.add(other, x), [[[11, -1]], [[13, -3]]])
    np.testing.assert_array_equal(reference.multiply(x, other, activation="relu6"), [[[6, 0]], [[6, 0]]])


def test_add_and_multiply_take_more_than_two() -> None:
    x = vector(1, 2)
    np.testing.assert_array_equal(reference.add(x, x, x), [3, 6])
    np.testing.assert_array_equal(reference.multiply(x, x, x), [1, 8])


def test_concat_is_along_the_channels() -> None:
    a, b = np.zeros((2, 1, 1), np.float32), np.ones((2, 1, 2), np.float32)
    np.testing.assert_array_equal(reference.concat(a, b, a), [[[0, 1, 1, 0]], [[0, 1, 1, 0]]])
    np.testing.assert_array_equal(reference.concat(vector(1), vector(2, 3)), [1, 2, 3])


def test_operations_of_two_and_of_more_values() -> None:
    x, plane = np.array([[[4, -6], [1, 8]]], np.float32), image([2.0, -2.0])
    np.testing.assert_array_equal(reference.subtract(x, vector(1, 2)), [[[3, -8], [0, 6]]])
    np.testing.assert_array_equal(reference.subtract(vector(1, 2), x), [[[-3, 8], [0, -6]]])
    np.testing.assert_array_equal(reference.divide(x, plane), [[[2, -3], [-0.5, -4]]])
    np.testing.assert_array_equal(reference.divide(x, plane, activation="relu"), [[[2, 0], [0, 0]]])
    np.testing.assert_array_equal(reference.divide(vector(1, -1, 0), vector(0, 0, 0)), [np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(reference.maximum(x, plane, vector(0, 0)), [[[4, 2], [1, 8]]])
    np.testing.assert_array_equal(reference.minimum(x, plane, vector(3, 3)), [[[2, -6], [-2, -2]]])


def test_a_constant_is_what_it_holds() -> None:
    value = np.array([[[1, 2], [3, 4]]], np.float32)
    np.testing.assert_array_equal(reference.constant(value=value, shape=(1, 2, 2)), value)


def test_log_softmax() -> None:
    with np.errstate(over="raise"):
        y = reference.log_softmax(vector(1e4, 1e4, -1e4))
    np.testing.assert_allclose(y, [-np.log(2), -np.log(2), -2e4 - np.log(2)], rtol=1e-6)


def test_sums_are_carried_in_float64() -> None:
    """1e8 + 1 - 1e8 is 1; in float32 it would be 0."""
    one = vector(1)
    y = reference.dense(vector(1e8, 1, -1e8), kernel=np.ones((1, 3), np.float32), units=1)
    np.testing.assert_array_equal(y, one)
    P = lookups_of(np.ones((1, 3)))
    np.testing.assert_array_equal(reference.lookup_dense(vector(1e8, 1, -1e8), units=1, **P), one)
    np.testing.assert_array_equal(reference.add(vector(1e8), one, vector(-1e8)), one)
    assert y.dtype == np.float32


def branching_graph() -> tuple[Graph, dict[str, np.ndarray]]:
    """image -> a/1 -> both = a/1 beside image -> flat -> softmax, with a slash in a node's name."""
    nodes = (
        LookupConv2D(name="a/1", inputs=("image",), filters=1, kernel_size=(1, 1)),
        Concat(name="both", inputs=("a/1", "image")),
        Flatten(name="flat", inputs=("both",)),
        Softmax(name="p", inputs=("flat",)),
    )
    graph = Graph(name="g", input=Input("image", (2, 1, 1)), output="p", nodes=nodes)
    tensors = {f"a/1/{name}": tensor for name, tensor in lookups_of(np.array([[2.0]])).items()}
    return graph, tensors


def test_evaluate_gives_every_node() -> None:
    graph, tensors = branching_graph()
    values = reference.evaluate(graph, tensors, image([1], [0]))
    assert list(values) == ["a/1", "both", "flat", "p"]
    np.testing.assert_array_equal(values["flat"], [2, 1, 0, 0])
    np.testing.assert_allclose(values["p"], np.exp([2, 1, 0, 0]) / np.exp([2, 1, 0, 0]).sum(), rtol=1e-6)
    assert {name: value.shape for name, value in values.items()} == {n: graph.shapes[n] for n in values}
    assert all(value.dtype == np.float32 for value in values.values())


def test_evaluate_refuses_an_input_of_another_shape() -> None:
    with pytest.raises(InputError, match=r"expected an input of shape \(2, 1, 1\), got \(2, 1\)"):
        reference.evaluate(*branching_graph(), np.zeros((2, 1), np.float32))


def test_evaluate_names_an_operation_it_does_not_have() -> None:
    class Unknown(Node):
        op = "dropout"

    graph, tensors = branching_graph()
    graph = Graph(name="g", input=graph.input, output="x", nodes=(Unknown(name="x", inputs=("image",)),))
    with pytest.raises(ModelFormatError, match=r"node 'x': expected one of .*, lookup_conv2d, .*, found 'dropout'"):
        reference.evaluate(graph, tensors, image([1], [0]))
