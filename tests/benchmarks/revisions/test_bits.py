"""Results of both sides, compared to the bit."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("onnxruntime")

from benchmarks.revisions import bits
from benchmarks.utils import machine


def test_a_node_that_differs_is_named() -> None:
    new, old = ({"image": "a", "batch": "b", "nodes": {"conv1": "c", "conv2": last}} for last in "de")
    row = bits.Row("net", "avx2", 1, new, old)
    assert row.different == ["conv2"]
    assert "1 of 2  DIFFERS: conv2" in bits.table([row])


def test_digests_use_public_names_only() -> None:
    """They run on both sides, whose modules may differ in everything else."""
    source = (machine.ROOT / "benchmarks/revisions/digests.py").read_text()
    assert "from lcnn_engine" not in source
    code = "import sys, benchmarks.comparison.worker; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=machine.ROOT, capture_output=True, text=True).stdout
    assert not any(name.startswith("lcnn_engine") for name in loaded.split())
