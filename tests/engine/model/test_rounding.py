"""What rounding may do to a node: it grows with what is summed, and never covers what is not finite."""

from __future__ import annotations

import numpy as np
import pytest

from lcnn_engine.format.graph_json import graph_from_object
from lcnn_engine.model.graph import LayerNorm, Resize2D, Subtract
from lcnn_engine.model.reference import apply, evaluate, tensors_by_node
from lcnn_engine.model.rounding import TOLERANCE, UNITS, magnitude, share_of_allowed
from tests.helpers.model_files import valid_graph, valid_tensors
from tests.helpers.one_operation import CASES, network_of


def test_magnitude_is_the_sum_of_products_without_signs() -> None:
    graph = graph_from_object(valid_graph())
    tensors = tensors_by_node(valid_tensors())["logits"]
    x = np.array([1, -2, 3], np.float32)
    expected = apply(graph["logits"], [x], tensors)
    np.testing.assert_array_equal(magnitude(graph["logits"], [x], tensors, expected), [1 + 6 + 0.5, 1 + 6 + 0.5])


def test_magnitude_bounds_the_output_of_every_operation() -> None:
    rng = np.random.default_rng(0)
    graph, tensors = graph_from_object(valid_graph()), tensors_by_node(valid_tensors())
    values = {"image": rng.standard_normal((6, 6, 3)).astype(np.float32)}
    for node in graph.nodes:
        inputs = [values[name] for name in node.inputs]
        values[node.name] = apply(node, inputs, tensors[node.name])
        bound = magnitude(node, inputs, tensors[node.name], values[node.name])
        assert bound.shape == values[node.name].shape
        assert (bound >= np.abs(values[node.name]) * 0.999999).all(), node.name


@pytest.mark.parametrize("case", CASES)
def test_magnitude_bounds_every_case(case: str) -> None:
    graph, tensors, x = network_of(case)
    values, by_node = {"image": x} | evaluate(graph, tensors, x), tensors_by_node(tensors)
    for node in graph.nodes:
        inputs = [values[name] for name in node.inputs]
        bound = magnitude(node, inputs, by_node[node.name], values[node.name])
        assert bound.shape == values[node.name].shape
        if node.op not in ("activation", "prelu", "minimum", "maximum"):
            assert (bound >= np.abs(values[node.name]) * 0.999).all(), node.name


def test_magnitude_of_differences_and_norms() -> None:
    """A difference of 5 and 4 is off by the roundings of 9; a norm of 101 and 99, deviation 1, by those of 101."""
    five, four = np.array([5], np.float32), np.array([4], np.float32)
    node = Subtract(name="d", inputs=("a", "b"))
    np.testing.assert_array_equal(magnitude(node, [five, four], {}, five - four), [9])
    norm, x = LayerNorm(name="n", inputs=("a",), epsilon=0.0), np.array([101, 99], np.float32)
    tensors = {"scale": np.array([2, -1], np.float32), "shift": np.array([0, 3], np.float32)}
    expected = apply(norm, [x], tensors)
    np.testing.assert_allclose(magnitude(norm, [x], tensors, expected), [202, 104])


def test_negative_weights_of_a_resize_count() -> None:
    """Of [1, 2] made four the second is 1 + 26/128: of 111/128 - 9/128 of the 1 and 29/128 - 3/128 of the 2."""
    node = Resize2D(name="a", inputs=("x",), size=(1, 4), method="bicubic")
    x = np.array([1, -2], np.float32).reshape(1, 2, 1)
    bound = magnitude(node, [x], {}, apply(node, [x], {}))
    assert bound[0, 1, 0] == pytest.approx((111 + 9) / 128 + 2 * (29 + 3) / 128)


@pytest.mark.parametrize(
    ("found", "expected", "share"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 2.0 + 4e-5], [1.0, 2.0], 2.0),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([0.0, 1e-9], [0.0, 0.0], np.inf),
        ([np.nan, 1.0], [0.0, 1.0], np.inf),
        ([0.0, 1.0], [np.nan, 1.0], np.inf),
        ([np.nan, 1.0], [np.nan, 1.0], 0.0),
        ([np.inf, 1.0], [-np.inf, 1.0], np.inf),
    ],
)
def test_share_of_allowed(found: list[float], expected: list[float], share: float) -> None:
    arrays = (np.array(found), np.array(expected))
    assert share_of_allowed(*arrays, np.zeros(2)) == pytest.approx(share, rel=1e-6)


def test_what_was_summed_counts_where_it_is() -> None:
    found, expected, summed = np.array([1.0, 1.0 + 1e-3]), np.array([1.0, 1.0]), np.array([1e4, 0.0])
    assert share_of_allowed(found, expected, summed) == pytest.approx(1e-3 / TOLERANCE)
    allowed = TOLERANCE + UNITS * 2.0**-24 * 1e4
    assert share_of_allowed(found[::-1], expected, summed) == pytest.approx(1e-3 / allowed)
