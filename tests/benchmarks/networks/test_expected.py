"""What the definitions say of a network is computed once for each image, precision and state of the code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from benchmarks.networks import expected as module
from benchmarks.networks.expected import expected
from benchmarks.networks.images import Images
from benchmarks.networks.model_files import network
from lcnn_engine.model.reference import evaluate

NAME = "cnn28-quarter"


def test_a_result_is_computed_once(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, tensors = network(NAME)
    first, second = Images().batch(NAME, 2)
    found = expected(NAME, first, "float32")
    np.testing.assert_array_equal(found, evaluate(graph, tensors, first)[graph.output])
    lower = expected(NAME, first, "int8")
    assert 1e-5 < np.abs(lower - found).max() < 0.2
    assert not np.array_equal(expected(NAME, second, "float32"), found)
    monkeypatch.setattr(module, "evaluate", None)
    np.testing.assert_array_equal(expected(NAME, first, "float32"), found)
    np.testing.assert_array_equal(expected(NAME, first, "int8"), lower)
    with pytest.raises(TypeError):
        expected(NAME, first, "bfloat16")
