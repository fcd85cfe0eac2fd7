"""A fresh process, from its start to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")

from benchmarks.comparison import cold_start
from benchmarks.comparison.matchups import Entry
from benchmarks.networks.images import Images

OURS, BASELINE = Entry("lcnn", "small-lookup"), Entry("onnxruntime", "small-lookup:dense-equivalent")


def test_a_cold_start(results: Path) -> None:
    start = cold_start.measure([OURS], Images(), 2)[OURS]
    assert start.problem is None
    assert len(start.whole) == 2
    assert 0.01 < start.median("first") < start.median("whole") < 60
    assert 10 < start.median("peak") < 4000
