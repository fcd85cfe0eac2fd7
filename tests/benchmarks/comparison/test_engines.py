"""The engines, imported only where they are used."""

from __future__ import annotations

import os
import sys

import pytest

pytest.importorskip("onnxruntime")


def test_engines_are_imported_where_they_are_used() -> None:
    """The cold start of one engine must not pay for another's import."""
    code = "import sys, benchmarks.comparison.engines; print(*sys.modules)"
    loaded = os.popen(f"{sys.executable} -c '{code}'").read().split()
    assert not {"onnxruntime", "openvino", "tensorflow", "ai_edge_litert", "lcnn_engine", "scipy"} & set(loaded)
