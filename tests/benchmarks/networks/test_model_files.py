"""Model files are made once, and anew when what they are made of changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from benchmarks.networks import model_files
from lcnn_engine import write_model
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
