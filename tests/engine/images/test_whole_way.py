"""How far apart two ways from images to answers are said to be."""

from __future__ import annotations

import numpy as np

from lcnn_engine.images.whole_way import ways_apart


def test_inputs_outputs_and_answers() -> None:
    found, given = np.zeros((3, 2, 2, 1), np.float32), np.zeros((3, 2, 2, 1), np.float32)
    given[1, 0, 1] = -0.5
    outputs = np.array([[0.5, 0.25], [0.5, 0.25], [0.5, 0.25]], np.float32)
    expected = np.array([[0.5, 0.25], [1.0, 0.25], [0.25, 0.5]], np.float32)
    way = ways_apart(found, given, outputs, expected)
    assert (way.inputs, way.outputs, way.same, way.count) == (0.5, 0.5, 2, 3)
    assert str(way).endswith(
        "inputs differ by up to 0.5, outputs by 5.0e-01 of the largest; 2 of 3 with the same answer"
    )


def test_inputs_of_other_shapes_are_not_compared() -> None:
    """Outputs are, of any shape."""
    outputs = np.zeros((2, 1, 3, 2), np.float32)
    way = ways_apart(None, None, outputs, outputs)
    assert (way.inputs, way.outputs, way.same) == (None, 0.0, 2)
    assert "inputs" not in str(way)
