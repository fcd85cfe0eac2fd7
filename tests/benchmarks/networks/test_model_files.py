"""Model files are made once, and anew when what they are made of changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from benchmarks.networks import model_files
from lcnn_engine import write_model
from lcnn_engine.model.reference import evaluate
from tests.helpers.networks import small_classifier


def test_a_model_file_is_made_once_and_anew_when_its_source_changes(
    results: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "mine.safetensors"
    write_model(*small_classifier(), model)
    name = f"{model}:dense-equivalent"
    first = model_files.model_file(name, "safetensors")
    written = first.stat().st_mtime_ns
    assert model_files.model_file(name, "safetensors").stat().st_mtime_ns == written
    graph, tensors = small_classifier()
    write_model(
        graph, {key: tensor * (2 if tensor.dtype == np.float32 else 1) for key, tensor in tensors.items()}, model
    )
    second = model_files.model_file(name, "safetensors")
    assert second != first
    assert not first.exists()


def test_the_network_of_version_0_1_is_there_once() -> None:
    """Where another takes its place in ``weights/``, it is to be kept beside the workloads."""
    path = model_files.shipped()
    files = [*(model_files.ROOT / "weights").glob("*.safetensors"), model_files.SHIPPED_FILE]
    same = [file for file in files if file.exists() and file.read_bytes() == path.read_bytes()]
    assert same == [path]
    assert model_files.model_file("shipped-0.1", "safetensors") == path
    assert model_files.network("shipped-0.1")[0].shapes["fc8"] == (10,)


def test_it_is_told_where_the_network_of_version_0_1_should_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "SHIPPED_SHA256", "0" * 64)
    model_files.shipped.cache_clear()
    with pytest.raises(FileNotFoundError, match="expected the network of version"):
        model_files.shipped()
    model_files.shipped.cache_clear()


def test_a_network_multiplied_out_is_the_same_function(results: Path) -> None:
    graph, tensors = model_files.network("small-lookup")
    dense, weights = model_files.network("small-lookup:multiplied-out")
    assert not [node.op for node in dense.nodes if "lookup" in node.op]
    x = np.random.default_rng(0).standard_normal(graph.input.shape, dtype=np.float32)
    expected = evaluate(graph, tensors, x)[graph.output]
    np.testing.assert_allclose(evaluate(dense, weights, x)[dense.output], expected, rtol=1e-5, atol=1e-7)
