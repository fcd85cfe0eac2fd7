"""Who runs against whom."""

from __future__ import annotations

import pytest

pytest.importorskip("onnxruntime")

from benchmarks.comparison.engines import ENGINES
from benchmarks.comparison.matchups import groups


def test_every_group_has_engines_that_exist() -> None:
    for group in groups():
        for entry in group.matchup(32, 2).entries + group.matchup(1, 1).entries:
            assert entry.engine in ENGINES
