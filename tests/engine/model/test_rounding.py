"""What rounding may do to a node: it grows with what is summed, and never covers what is not finite."""

from __future__ import annotations

import numpy as np
import pytest

from lcnn_engine.format.graph_json import graph_from_object
from lcnn_engine.model.graph import Resize2D
from lcnn_engine.model.reference import apply, tensors_by_node
from lcnn_engine.model.rounding import TOLERANCE, UNITS, magnitude, share_of_allowed
from tests.helpers.model_files import valid_graph, valid_tensors


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
