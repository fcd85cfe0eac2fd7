"""What the definitions say of a network is computed once for each image, precision and state of the code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from benchmarks.networks import expected as module
from benchmarks.networks.expected import expected, verified
from benchmarks.networks.images import Images
from benchmarks.networks.model_files import network
from lcnn_engine.model import precision as precisions
from lcnn_engine.model.reference import evaluate
from lcnn_engine.plan.folding import fold

NAME = "cnn28-quarter"


def test_a_result_is_computed_once(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, tensors = network(NAME)
    first, second = Images().batch(NAME, 2)
    found = expected(NAME, first)
    np.testing.assert_array_equal(found, evaluate(graph, tensors, first)[graph.output])
    assert not np.array_equal(expected(NAME, second), found)
    monkeypatch.setattr(module, "evaluate", None)
    np.testing.assert_array_equal(expected(NAME, first), found)
    with pytest.raises(TypeError):
        expected("cnn28-half", first)


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_every_node_is_held_to_its_precision(precision: str, results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, tensors = network(NAME)
    x = Images().batch(NAME, 1)[0]
    found = verified(NAME, x, precision)
    wanted = precisions.evaluate(precision, *fold(graph, tensors, [graph.output]), x)[graph.output]
    assert found.difference == pytest.approx(np.abs(found.output - wanted).max() / wanted.max())
    assert found.difference < 2**-7
    assert 0 < found.share <= 1
    assert found.node
    monkeypatch.setattr(module, "compare", None)
    again = verified(NAME, x, precision)
    np.testing.assert_array_equal(again.output, found.output)
    assert again[1:] == found[1:]


def test_kernels_that_compute_something_else_are_found(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = Images().batch("cnn28-half", 1)[0]
    right = precisions.apply

    def slightly_more(precision, node, inputs, tensors):
        return right(precision, node, inputs, tensors) * np.float32(1.01 if node.name == "conv3" else 1)

    monkeypatch.setattr(precisions, "apply", slightly_more)
    found = verified("cnn28-half", x, "bfloat16")
    assert found.node == "conv3"
    assert found.share > 1
